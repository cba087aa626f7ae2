"""The two-dimensional laboratory: experiments of a minute or two, each with one picture worth a lecture.

`plane` trains GANs on points, `pacgan` by a published protocol, `mistakes` as one should not, with the parts of
`flawed`. `critics` trains critics against a generator that stands still, `probes` says what has become of them, and
`gaussians` what the best ones are. `dirac`, `earth`, `curves` and `errata` are what can be had in closed form. `style`
is how the pictures look, `command` how an experiment is run from the command line, `parallel` how several runs share
the cores. The experiments themselves are the scripts in ``demos/``.
"""
