"""Writes percentile.json: numpy.percentile by all methods (NumPy 2.4)."""
import json, pathlib, numpy as np
rng = np.random.default_rng(0)
methods = ["linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf",
           "closest_observation", "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased"]
arrays = [[6.0, 7.0], [float(i) for i in range(1, 11)], [3.0]] + [rng.normal(size=n).round(4).tolist() for n in (2, 3, 8, 20, 41)]
levels = [0.0, 5.0, 12.5, 25.0, 37.0, 50.0, 75.0, 90.0, 99.0, 100.0]
cases = [{"method": m, "values": i, "percents": levels,
          "results": [float(np.percentile(np.array(a), q, method=m)) for q in levels]}
         for m in methods for i, a in enumerate(arrays)]
out = pathlib.Path(__file__).parent / "percentile.json"
out.write_text(json.dumps({"arrays": arrays, "cases": cases}, separators=(",", ":")) + "\n")
