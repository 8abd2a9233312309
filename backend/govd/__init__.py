"""govd: decides what an agent may attempt, holds what policy cannot settle, and records everything."""
