"""How the demo's voice model is made: synthesis, training, export, calibration and its card.

Not in the wheel, and run by `make train-demo-voice` alone, in .venv-nemo. Must never take a recording of a
person: everything that this model hears is made by espeak-ng and flite.
"""
