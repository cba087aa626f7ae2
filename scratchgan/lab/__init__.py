"""The two-dimensional laboratory: experiments of a minute or two, each with one picture worth a lecture.

`style` is how the pictures look, `command` how an experiment is run from the command line. The experiments themselves
are the scripts in ``demos/``.
"""
