"""Customers of a telephone company, a churn model, and the scores of the production version."""
