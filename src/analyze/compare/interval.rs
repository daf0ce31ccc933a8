//! How sure a mean of paired ratios is: Student's t.

/// The mean of some numbers and half the width of its 95 % confidence interval; none of the latter for one number.
pub fn mean_and_half_width(values: &[f64]) -> Option<(f64, Option<f64>)> {
    let n = values.len() as f64;
    if values.is_empty() {
        return None;
    }
    let mean = values.iter().sum::<f64>() / n;
    if values.len() == 1 {
        return Some((mean, None));
    }
    let squares: f64 = values.iter().map(|value| (value - mean) * (value - mean)).sum();
    let error = (squares / (n - 1.0) / n).sqrt();
    Some((mean, Some(quantile(values.len() - 1) * error)))
}

/// The 97.5 % quantile of Student's t; beyond the table to 0.001.
fn quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145,
        2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
        2.045, 2.042,
    ];
    let beyond = 1.959_96 + 2.42 / freedom as f64;
    freedom.checked_sub(1).and_then(|row| TABLE.get(row)).copied().unwrap_or(beyond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_that_of_the_textbook() {
        // Mean 1.0, standard deviation 0.1, n 4: 3.182 * 0.1 / 2.
        let deviation = 0.1 * (3.0_f64 / 4.0).sqrt();
        let values = [1.0 - deviation, 1.0 - deviation, 1.0 + deviation, 1.0 + deviation];
        let (mean, half) = mean_and_half_width(&values).expect("there are values");
        assert!((mean - 1.0).abs() < 1e-12);
        assert!((half.expect("there are several") - 3.182 * 0.1 / 2.0).abs() < 1e-9);
    }

    #[test]
    fn one_run_has_no_interval_and_none_has_no_mean() {
        assert_eq!(mean_and_half_width(&[1.5]), Some((1.5, None)));
        assert_eq!(mean_and_half_width(&[]), None);
    }

    #[test]
    fn beyond_the_table_it_nears_the_normal_law() {
        // Tables: 2.021 for 40, 2.000 for 60, 1.980 for 120.
        for (freedom, known) in [(30, 2.042), (40, 2.021), (60, 2.000), (120, 1.980)] {
            assert!((quantile(freedom) - known).abs() < 0.001, "{freedom}: {}", quantile(freedom));
        }
    }
}
