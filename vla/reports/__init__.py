"""Results as HTML pages that hold all they show: styles, charts, and videos up to a size."""
