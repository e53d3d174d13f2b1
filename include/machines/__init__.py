"""The blocks of a simulation on other processes and other machines, which have no database and no settings.

A question (frozen inputs and seed) and a block go out, cents come back as bytes that say what they answer. Who computes
them changes no result; the flow stores what fits the simulation and refuses the rest.
"""
