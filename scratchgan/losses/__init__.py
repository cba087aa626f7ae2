"""Losses that are more than a comparison of two arrays (those are in `functional`): terms with a gradient inside."""

from scratchgan.losses.penalties import r1_penalty, squared_slopes
