"""The safety filter, and one file for each limit."""
