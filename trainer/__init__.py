"""Enrolment, files, reports and weights: what is done once, not live."""
