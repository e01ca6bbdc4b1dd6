"""The formats: which one a file is, and a walk over all of it that decodes no pixels.

A walk says whether a file is whole, what is in it, and what a decoder is to read of it; the rest of model decodes and
judges. Imports go down: model -> model.formats -> config. Of model, what is here may know this package and
model/errors.py and nothing else; a test and ruff.toml keep that.
"""
