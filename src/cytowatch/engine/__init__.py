"""Grading: settled rows, intervals of a class, counters, phases, episodes and the evidence behind them."""
