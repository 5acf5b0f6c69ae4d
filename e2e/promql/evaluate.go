package main

import (
	"context"
	"encoding/json"
	"math"
	"os"
	"time"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// Samples as Prometheus would have scraped them, and what is asked of them.
type question struct {
	Series []struct {
		Labels map[string]string `json:"labels"` // with __name__
		Values []float64         `json:"values"` // one each interval, the first at zero
	} `json:"series"`
	Interval    int64    `json:"interval"` // seconds
	At          int64    `json:"at"`       // seconds
	Expressions []string `json:"expressions"`
}

func evaluate() error {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		return err
	}
	engine := promql.NewEngine(promql.EngineOpts{
		MaxSamples: math.MaxInt32,
		Timeout:    time.Minute,
		Parser:     parser.NewParser(parser.Options{}),
	})
	counts := make([]int, 0, len(asked.Expressions))
	for _, expression := range asked.Expressions {
		query, err := engine.NewInstantQuery(
			context.Background(), samples(asked), nil, expression, time.Unix(asked.At, 0))
		if err != nil {
			return err
		}
		result := query.Exec(context.Background())
		vector, err := result.Vector()
		if err != nil {
			return err
		}
		counts = append(counts, len(vector))
	}
	return json.NewEncoder(os.Stdout).Encode(counts)
}

// The samples of a question, to be selected from.
func samples(asked question) storage.Queryable {
	all := make([]storage.Series, 0, len(asked.Series))
	for _, each := range asked.Series {
		points := make([]chunks.Sample, len(each.Values))
		for i, value := range each.Values {
			points[i] = sample{int64(i) * asked.Interval * 1000, value}
		}
		all = append(all, storage.NewListSeries(labels.FromMap(each.Labels), points))
	}
	return storage.QueryableFunc(func(_, _ int64) (storage.Querier, error) {
		return querier{storage.NoopQuerier(), all}, nil
	})
}

type querier struct {
	storage.Querier
	all []storage.Series
}

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &set{at: -1}
	for _, series := range q.all {
		fits := true
		for _, matcher := range matchers {
			fits = fits && matcher.Matches(series.Labels().Get(matcher.Name))
		}
		if fits {
			found.series = append(found.series, series)
		}
	}
	return found
}

type set struct {
	series []storage.Series
	at     int
}

func (s *set) Next() bool                        { s.at++; return s.at < len(s.series) }
func (s *set) At() storage.Series                { return s.series[s.at] }
func (s *set) Err() error                        { return nil }
func (s *set) Warnings() annotations.Annotations { return nil }

type sample struct {
	at    int64
	value float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) ST() int64                     { return 0 }
func (s sample) F() float64                    { return s.value }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
