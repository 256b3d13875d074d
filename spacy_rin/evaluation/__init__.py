"""How good a pipeline or a data set is: scores, thresholds, reports and checks of annotated texts."""
