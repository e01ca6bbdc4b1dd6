"""The internal port: health, metrics, and a status page without pictures for those who run the filter."""
