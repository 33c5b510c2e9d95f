// The cases in Stan: non-centred; the modes of a subject are carried from event to event.
data {
  int<lower=1> N, K, n_events, n_obs;
  array[N + 1] int first;             // first event of every subject
  vector[n_events] dt;                // time since the event before
  vector[n_events] amt;
  array[n_events] int row;            // observation, 0 for a dose
  vector[n_obs] y;
  vector[K] centre;
  real<lower=0> add_scale;
}
parameters {
  vector[K] typical;
  vector<lower=0>[K] omega;
  cholesky_factor_corr[K] L;
  matrix[K, N] z;
  real<lower=0> add, prop;
}
model {
  typical ~ normal(centre, 0.5);
  omega ~ normal(0, 0.5);
  L ~ lkj_corr_cholesky(2);
  to_vector(z) ~ std_normal();
  add ~ normal(0, add_scale);
  prop ~ normal(0, 0.3);
  {
    matrix[K, N] psi = exp(rep_matrix(typical, N) + diag_pre_multiply(omega, L) * z);
    vector[n_obs] f;
    int M = K == 3 ? 2 : 3;
    for (i in 1:N) {
      vector[M] rate;
      vector[M] weight;
      vector[M] state = rep_vector(0, M);
      real ka = psi[K, i];
      if (K == 3) {
        real k = psi[1, i] / psi[2, i];
        real c = ka / psi[2, i] / (ka - k);
        rate = [k, ka]';
        weight = [c, -c]';
      } else {
        real k10 = psi[1, i] / psi[2, i];
        real k12 = psi[3, i] / psi[2, i];
        real k21 = psi[3, i] / psi[4, i];
        real s = k10 + k12 + k21;
        real a = 0.5 * (s + sqrt(s * s - 4 * k10 * k21));
        real b = k10 * k21 / a;
        real c = ka / psi[2, i];
        rate = [a, b, ka]';
        weight = [c * (k21 - a) / ((ka - a) * (b - a)), c * (k21 - b) / ((ka - b) * (a - b)),
                  c * (k21 - ka) / ((a - ka) * (b - ka))]';
      }
      for (e in first[i]:(first[i + 1] - 1)) {
        state = state .* exp(-rate * dt[e]);
        if (row[e] == 0) state += amt[e];
        else f[row[e]] = dot_product(weight, state);
      }
    }
    y ~ normal(f, sqrt(square(add) + square(prop * f)));
  }
}
generated quantities {
  corr_matrix[K] R = multiply_lower_tri_self_transpose(L);
}
