# %% [markdown]
# # From a series to a figure for a paper
#
# The same sample at two wavevectors: velocity and transport coefficients are properties of the sample, so both fits
# should agree. This is how a figure of it is made, one column wide and with the uncertainties shown. For a series of
# many files, [`heterodyne batch`](../../docs/how-to/many-files.md) makes the fits, and a table of the same layout.

# %%
from heterodyne_data import load_data
from heterodyne_nlsq import fit_nlsq_jax, keep_compiled_functions

keep_compiled_functions()
wavevectors = [0.0054, 0.0081]
results = [fit_nlsq_jax(load_data("examples/startup_flow_apsu.h5", q=q), progress=True) for q in wavevectors]
results

# %% [markdown]
# Each verdict states whether its numbers can be quoted. One Dataset holds all:

# %%
import xarray

functions = ["v", "v_sd", "J_r", "J_r_sd", "J_s", "J_s_sd"]
series = xarray.concat([result.to_xarray()[functions] for result in results], dim="q", combine_attrs="drop")
series = series.assign_coords(q=("q", wavevectors, {"units": "1/angstrom"}))
series

# %% [markdown]
# Do they agree? The difference of the velocities in combined standard deviations; both are of the same frames, so the
# errors are correlated and this is a rough guide:

# %%
first, second = series.isel(q=0), series.isel(q=1)
sds = abs(first.v - second.v) / (first.v_sd**2 + second.v_sd**2) ** 0.5
print(f"v at both q: {float(sds.mean()):.1f} standard deviations apart on average, {float(sds.max()):.1f} at most")

# %% [markdown]
# The figure: 86 mm wide, 8 pt, bands of one standard deviation, colours that colour-blind readers can tell apart, and
# line styles for print without colour.

# %%
import matplotlib.pyplot as plt

looks = [("#2f7fd0", "-"), ("#d55e00", "--")]
with plt.rc_context({"font.size": 8, "axes.linewidth": 0.6}):
    figure, panels = plt.subplots(2, 1, figsize=(86 / 25.4, 4.2), sharex=True, layout="constrained", dpi=150)
    for q, (colour, line) in zip(series.q.values, looks, strict=True):
        of_q = series.sel(q=q)
        panels[0].plot(of_q.age, of_q.v, line, color=colour, label=f"q = {q:g} Å⁻¹")
        panels[0].fill_between(of_q.age, of_q.v - of_q.v_sd, of_q.v + of_q.v_sd, color=colour, alpha=0.3, linewidth=0)
        for name in ("J_r", "J_s"):
            value, sd = of_q[name], of_q[f"{name}_sd"]
            panels[1].plot(of_q.age, value, line, color=colour)
            panels[1].fill_between(of_q.age, value - sd, value + sd, color=colour, alpha=0.3, linewidth=0)
    at = first.interp(age=10.0)
    panels[1].annotate("sample", (10, float(at.J_s)), (0, 10), textcoords="offset points")
    panels[1].annotate("reference", (10, float(at.J_r)), (0, -16), textcoords="offset points")
    panels[0].set(ylabel="velocity v / Å s⁻¹", yscale="log")
    panels[1].set(xlabel="age t / s", ylabel="J / Å² s⁻¹", ylim=(0, 7000))
    panels[0].legend(frameon=False)
    figure.savefig("series.pdf")

# %% [markdown]
# `series.pdf` is a vector graphic. For the text of the paper,
# [For a methods section](../../docs/how-to/methods-section.md) lists what to state.
