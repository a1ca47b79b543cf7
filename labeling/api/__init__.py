"""The HTTP API: DRF over the same services and selectors as the pages."""
