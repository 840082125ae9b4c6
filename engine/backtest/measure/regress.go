package measure

import "math"

// Sample is one lead as the regression sees it: the columns that hold for it,
// ascending, and whether it was won.
type Sample struct {
	Columns []int32
	Won     bool
}

// Fit is a logistic regression on columns that hold or do not: minimises the
// log-loss plus ridge/2 × the sum of squared weights (the intercept is free) by
// Newton's method with halved steps (Hastie, Tibshirani, Friedman, "The Elements
// of Statistical Learning", 4.4.1). Samples are taken in their order and no
// product is fused into a sum, so that the weights are the same on every machine.
func Fit(samples []Sample, columns int, ridge float64) (intercept float64, weights []float64) {
	n := columns + 1 // the intercept is the last
	w := make([]float64, n)
	won := 0
	for i := range samples {
		if samples[i].Won {
			won++
		}
	}
	if won == 0 || won == len(samples) {
		return 0, w[:columns]
	}
	h, g := make([]float64, n*n), make([]float64, n)
	loss := lossOf(samples, w, ridge)
	for range maxRounds {
		derive(samples, w, ridge, h, g)
		if !solve(h, g, n) {
			break
		}
		next, better := w, loss
		for scale := 1.0; scale > 1e-4; scale /= 2 {
			try := make([]float64, n)
			for i := range try {
				try[i] = w[i] + float64(scale*g[i])
			}
			if l := lossOf(samples, try, ridge); l < better {
				next, better = try, l
				break
			}
		}
		gain := loss - better
		w, loss = next, better
		if gain <= float64(1e-10*loss) {
			break
		}
	}
	return w[columns], w[:columns]
}

const maxRounds = 40

// score is the linear part of a sample.
func (s *Sample) score(w []float64) float64 {
	z := w[len(w)-1]
	for _, c := range s.Columns {
		z += w[c]
	}
	return z
}

func lossOf(samples []Sample, w []float64, ridge float64) float64 {
	var sum float64
	for i := range samples {
		z := samples[i].score(w)
		if samples[i].Won {
			z = -z
		}
		sum += softplus(z)
	}
	for _, x := range w[:len(w)-1] {
		sum += float64(ridge / 2 * float64(x*x))
	}
	return sum
}

// derive computes the negative Hessian h and the gradient g of minus the loss.
func derive(samples []Sample, w []float64, ridge float64, h, g []float64) {
	n := len(w)
	clear(h)
	clear(g)
	for i := range samples {
		s := &samples[i]
		p := logistic(s.score(w))
		d, v := -p, float64(p*(1-p))
		if s.Won {
			d = 1 - p
		}
		g[n-1] += d
		h[n*n-1] += v
		for a, c := range s.Columns {
			g[c] += d
			h[(n-1)*n+int(c)] += v
			for _, e := range s.Columns[:a+1] {
				h[int(c)*n+int(e)] += v
			}
		}
	}
	for i := range n - 1 {
		h[i*n+i] += ridge
		g[i] -= float64(ridge * w[i])
	}
	h[n*n-1] += 1e-9
}

// solve replaces b by the solution of h × x = b for a symmetric positive
// definite h, of which the lower triangle is given, by Cholesky's method.
func solve(h, b []float64, n int) bool {
	for i := range n {
		for j := range i + 1 {
			sum := h[i*n+j]
			for k := range j {
				sum -= float64(h[i*n+k] * h[j*n+k])
			}
			if i != j {
				h[i*n+j] = sum / h[j*n+j]
				continue
			}
			if sum <= 0 {
				return false
			}
			h[i*n+i] = math.Sqrt(sum)
		}
	}
	for i := range n {
		for k := range i {
			b[i] -= float64(h[i*n+k] * b[k])
		}
		b[i] /= h[i*n+i]
	}
	for i := n - 1; i >= 0; i-- {
		for k := i + 1; k < n; k++ {
			b[i] -= float64(h[k*n+i] * b[k])
		}
		b[i] /= h[i*n+i]
	}
	return true
}

func logistic(z float64) float64 {
	if z < 0 {
		e := exp(z)
		return e / (1 + e)
	}
	return 1 / (1 + exp(-z))
}

// softplus is log(1 + e^z).
func softplus(z float64) float64 {
	if z > 0 {
		return z + softplus(-z)
	}
	return log1p(exp(z))
}

// exp is e^x. That of package math is written in assembly for some machines and
// not for others, and its last bit differs.
func exp(x float64) float64 {
	if x < -700 {
		return 0
	}
	x = min(x, 700)
	k := math.Round(x * (1 / math.Ln2))
	r := x - float64(k*(math.Ln2))
	sum := 1.0
	for i := 16; i >= 1; i-- { // Horner's scheme of the Taylor series
		sum = 1 + float64(r*sum)/float64(i)
	}
	return math.Ldexp(sum, int(k))
}

// log1p is log(1 + y) for y in [0, 1], by the series of the inverse hyperbolic
// tangent.
func log1p(y float64) float64 {
	s := y / (2 + y)
	q := float64(s * s)
	sum := 0.0
	for i := 41; i >= 1; i -= 2 {
		sum = float64(sum*q) + 1/float64(i)
	}
	return 2 * s * sum
}
