"""The screens and dialogs. They draw state, ask workers, and act on ids."""
