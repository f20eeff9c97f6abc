"""Flights of 2013 by month, a model of their arrival delay, and monthly scores by production."""
