"""Configuration in Envoy's words, and the frozen values the runtime reads."""
