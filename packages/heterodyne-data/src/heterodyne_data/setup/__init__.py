"""What a fit and a posterior begin with: free parameters, scaling, noise and the ages at which functions are given."""
