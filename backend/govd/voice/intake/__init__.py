"""The intake: files that anybody sent become clips, in processes that may crash and be killed.

Importing it must load no decoder and no numpy; `pool.ClipIntake` is what govd holds.
"""
