"""The random model test: sequences of operations and kills against a real daemon, held against a model of what must be true.

operations  the words a sequence is made of, their text, and sequences from a seed
reference   what the model believes: for each object the set of states it may be in
containers  what an operation may do to a container; pods: to a pod and what is in it
sightings   what must hold between any two answers about the same container
watcher     a client that follows the events the whole time, and what must hold for them
world       a daemon with its host and plugin, and the ways to hurt it
requests    an operation as a call of the API
run         runs a sequence
checks      what must hold when nothing is under way
shrink      makes a failing sequence short
"""
