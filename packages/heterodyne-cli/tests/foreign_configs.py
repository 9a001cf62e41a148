"""Configurations of other programs as their users have them, in small: sections and keys are those of real files."""

from __future__ import annotations

HETERODYNE = """\
metadata: {config_version: "2.0.1", description: "run 12"}
experimental_data:
  file_path: "./data/run12.h5"
  cache_filename_template: "cached_c2_q${wavevector_q}_frames_${start_frame}_${end_frame}.npz"
analyzer_parameters:
  dt: 0.1
  start_frame: 1
  end_frame: 40
  scattering: {wavevector_q: 0.005}
  geometry: {stator_rotor_gap: 2000000}
phi_filtering:
  enabled: yes
  target_ranges:
    - {min_angle: -50.0, max_angle: -40.0, description: "across"}
    - {min_angle: 5, max_angle: 15}
  fallback_to_all_angles: true
  tolerance: 3.0
parameters:
  reference:
    D0_ref: {value: 4e3, min: 100.0, max: 1e6, vary: true}
    alpha_ref: {value: 0.3, min: -2.0, max: 2.0, vary: true}
    D_offset_ref: {value: 50.0, min: -1e5, max: 1e5, vary: true}
  sample:
    D0_sample: {value: 9e3, min: 100.0, max: 1e6, vary: true, prior: lognormal, prior_params: {loc: 9.0, scale: 1.0}}
    alpha_sample: {value: -0.4, vary: true}
    D_offset_sample: {value: 0.0, vary: false}
  velocity:
    v0: {value: 2000.0, vary: true}
    beta: {value: -0.2, vary: true}
    v_offset: {value: 10.0, vary: true}
  fraction:
    f0: {value: 0.2, vary: true}
    f1: {value: -0.3, vary: true}
    f2: {value: 0.5, min: -10.0, max: 10.0, vary: true}
    f3: {value: 0.4, vary: true}
  angle:
    phi0: {value: 4.0, min: -3.0, max: 9.0, vary: true}
  scaling:
    contrast: {value: 0.2, min: 0.0, max: 1.0, vary: true}
    offset: {value: 1.0, min: 0.5, max: 1.5, vary: true}
parameter_space:
  bounds:
    - {name: f2, min: -10.0, max: 10.0, type: TruncatedNormal, prior_mu: 1.0, prior_sigma: 4.0, unit: s}
    - {name: phi0, min: -3.0, max: 9.0, type: TruncatedNormal, prior_mu: 2.0, prior_sigma: 5.0, unit: degrees}
    - {name: beta, min: -2.0, max: 2.0, type: Uniform}
  priors: null
initial_parameters:
  parameter_names: [D0_ref, alpha_ref]
  values: null
optimization:
  method: nlsq
  nlsq: {per_angle_mode: fourier, fourier_order: 2, loss: soft_l1, multistart: true, max_iterations: 1000}
  cmc:
    sharding: {num_shards: auto}
    per_shard_mcmc: {num_warmup: 300, num_samples: 1500, num_chains: 2, adaptive_sampling: true}
logging: {level: INFO, modules: {"jax._src": WARNING}}
plotting: {save_plots: false, dpi: 300}
output: {output_dir: ./output, base_directory: ./heterodyne_results/}
"""

HETERODYNE_FIRST = """\
experimental_data: {file_path: run12.h5, file_format: hdf5}
temporal: {dt: 0.1, time_length: 30, t_start: 10}
scattering: {wavevector_q: 0.005, phi_angles: [10, -45]}
parameters:
  velocity:
    v0: {value: 1000.0, min: 0.000001, max: 10000.0, vary: true}
output: {output_dir: ./output, format: both}
"""

XPCSJAX = """\
metadata: {config_version: "0.1.4", physics_model: "v(t), f_s(t), phi0_het"}
analysis_mode: two_component
analyzer_parameters:
  dt: 0.1
  start_frame: 11
  end_frame: 40
  frame_step: 1
  time_unit: seconds
  scattering: {wavevector_q: 0.005}
  geometry: {stator_rotor_gap: 2000000}
experimental_data:
  file_path: null
  data_folder_path: ./data/
  data_file_name: run12.hdf
phi_filtering: {enabled: false, target_ranges: [{min_angle: -10.0, max_angle: 10.0}]}
initial_parameters:
  parameter_names: [D0_ref, alpha_ref, D_offset_ref, D0_sample, alpha_sample, D_offset_sample, v0, v_beta, v_offset,
                    f0, f1, f2, f3, phi0_het]
  values: [4000.0, 0.0, 50.0, 4000.0, 0.0, 50.0, 1500.0, 0.0, 20.0, 0.2, -0.3, 0.5, 0.4, 4.0]
  per_angle_scaling: {contrast: [0.1, 0.2], offset: null}
  units: [Å²/s, dimensionless, Å²/s, Å²/s, dimensionless, Å²/s, Å/s, dimensionless, Å/s, dimensionless, dimensionless,
          dimensionless, dimensionless, degrees]
  active_parameters: null
  fixed_parameters: {alpha_ref: 0.0, v_beta: 0.0}
  tied_parameters: {D0_sample: D0_ref, alpha_sample: alpha_ref, D_offset_sample: D_offset_ref}
parameter_space:
  model: two_component
  bounds:
    - {name: v0, min: 0.0, max: 1000000.0, unit: Å/s}
    - {name: f2, min: -1.0, max: 1.0, unit: dimensionless}
    - {name: phi0_het, min: -10.0, max: 10.0, unit: degrees}
optimization:
  method: nlsq
  nlsq: {loss: linear, anti_degeneracy: {per_angle_mode: individual}, multi_start: {enable: false, seed: 42}}
output: {directory: ./results, base_directory: ./xpcsjax_results/}
"""

HETERODYNE_ANALYSIS = """\
{
  "_comment": "first generation",
  "metadata": {"analysis_mode": "heterodyne"},
  "experimental_data": {"data_folder_path": "./data/", "data_file_name": "run12.hdf"},
  "analyzer_parameters": {
    "temporal": {"dt": 0.1, "_note": "s", "dt_unit": "seconds", "start_frame": 1, "end_frame": 40},
    "scattering": {"wavevector_q": 0.005, "q_unit": "Å⁻¹"},
    "geometry": {"stator_rotor_gap": 2000000}
  },
  "initial_parameters": {
    "parameter_names": ["D0_ref", "alpha_ref", "D_offset_ref", "D0_sample", "alpha_sample", "D_offset_sample",
                        "v0", "beta", "v_offset", "f0", "f1", "f2", "f3", "phi0"],
    "values": [4000.0, 0.0, 50.0, 9000.0, 0.0, 0.0, 1500.0, 0.0, 20.0, 0.2, -0.3, 0.5, 0.4, 4.0],
    "active_parameters": ["D0_ref", "D_offset_ref", "D0_sample", "D_offset_sample", "v0", "v_offset", "f0", "f1",
                          "f2", "f3", "phi0"],
    "parameter_units": {"v0": "Å/s"}
  },
  "optimization_config": {
    "angle_filtering": {"enabled": true, "target_ranges": [{"min_angle": -50, "max_angle": 15}]},
    "classical_optimization": {"methods": ["Nelder-Mead"]},
    "scaling_parameters": {"contrast": {"min": 0.05, "max": 0.5, "prior_mu": 0.3, "prior_sigma": 0.1,
                                        "type": "TruncatedNormal"}}
  },
  "parameter_space": {
    "bounds": [
      {"name": "phi0", "min": -3.0, "max": 9.0, "type": "Normal", "prior_mu": 2.0, "prior_sigma": 5.0},
      {"name": "f2", "min": 0.0, "max": 200.0, "type": "Normal", "prior_mu": 50.0, "prior_sigma": 20.0}
    ]
  },
  "output_settings": {"results_directory": "./heterodyne_results"}
}
"""

HOMODYNE = """\
metadata: {config_version: "2.1", analysis_mode: laminar_flow}
analysis_mode: laminar_flow
analyzer_parameters:
  dt: 0.1
  start_frame: 11
  end_frame: 30
  scattering: {wavevector_q: 0.005}
  geometry: {stator_rotor_gap: 2000000}
experimental_data: {data_folder_path: ./data/, data_file_name: run12.hdf, phi_angles_file: phi_list.txt}
phi_filtering:
  enabled: true
  target_ranges: [{min_angle: 5.0, max_angle: 15.0}]
initial_parameters:
  parameter_names: [D0, alpha, D_offset, gamma_dot_0, beta, gamma_dot_offset, phi_0]
  values: [1000.0, -1.2, 0.0, 0.01, 0.0, 0.0, 3.0]
parameter_space:
  bounds:
    - {name: D0, min: 1.0, max: 1e5, type: TruncatedNormal, prior_mu: 1000.0, prior_sigma: 1000.0}
    - {name: beta, min: -2.0, max: 2.0}
optimization:
  mcmc: {enabled: true, num_samples: 4000, num_warmup: 2000, num_chains: 4, max_treedepth: 12}
output: {directory: ./results_mcmc}
"""

ALL = {
    "heterodyne": HETERODYNE,
    "heterodyne, first": HETERODYNE_FIRST,
    "xpcsjax": XPCSJAX,
    "heterodyne-analysis": HETERODYNE_ANALYSIS,
    "homodyne": HOMODYNE,
}
