# %% [markdown]
# # A first fit in a notebook
#
# The measurement comes with the project: a sample that starts to flow, 400 frames, four azimuths, simulated pixel by
# pixel with photon noise. [From file to report](../../docs/tutorials/first-fit.md) does the same on the command line
# and explains more.
#
# The notebook needs `pip install heterodyne-nlsq 'heterodyne-data[notebook]'`.

# %%
from heterodyne_data import load_data
from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

keep_compiled_functions()  # the next session starts immediately
data = load_data("examples/startup_flow_apsu.h5", q=0.0054)
data

# %% [markdown]
# Check size, azimuths and ages, and read the findings. Then fit. Nothing has to be configured: starting values are
# estimated from the data. `progress=True` shows one line below the cell, which disappears at the end.
#
# Arrays can also be fitted: `fit_nlsq_jax(c2, q=0.0054, phi=[0, 90], dt=0.1)`.

# %%
result = fit_nlsq_jax(data, progress=True)
result

# %% [markdown]
# Verdict and warnings come first: they limit the use of the numbers.
# [Judge a fit](../../docs/how-to/judge-a-fit.md) explains them. The figures are those of the report.
# Residuals should look like noise:

# %%
result.plot.maps()

# %% [markdown]
# The fitted functions with 68 % and 95 % bands. Grey points are age slices, fitted independently of the model's laws:

# %%
result.plot.functions()

# %% [markdown]
# c₂ against lag from five ages:

# %%
result.plot.curves()

# %% [markdown]
# The numbers, as a table and as arrays. The velocity at 20 s, with its standard deviation:

# %%
result.to_dataframe()[["value", "sd", "unit", "status"]]

# %%
table = result.to_xarray()
at = table.interp(age=20.0)
print(f"v = {at.v:.1f} ± {at.v_sd:.1f} {at.v.units} at 20 s")

# %% [markdown]
# The example is simulated, so the true velocity is known:

# %%
import json
from pathlib import Path

from heterodyne_spec import load_model

truth = json.loads(Path("examples/startup_flow_truth.json").read_text())["parameters"]
difference = table.v - load_model().evaluate("v", truth, table.age.values)
print(f"largest difference: {float(abs(difference / table.v_sd).max()):.1f} standard deviations")

# %% [markdown]
# `result.save("results")` writes the result for later, and `NLSQResult.load("results")` reads it again.
