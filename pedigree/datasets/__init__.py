"""What is known of the data that models are made from: datasheets, and what checks found on it."""
