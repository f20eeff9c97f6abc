"""Customers of a telephone company, a model of their churn, and their scores by production."""
