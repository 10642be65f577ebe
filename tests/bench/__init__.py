"""Measurements, never asserted."""
