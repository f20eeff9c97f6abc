"""Flights of 2013 by month; a model of their arrival delay; each month scored by production."""
