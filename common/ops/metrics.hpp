// Counters, gauges and histograms with labels, and their text for Prometheus (exposition format 0.0.4). Users keep the
// reference a family gave them: an update is one relaxed atomic operation, without look-up. Families and instruments
// live as long as the registry. Making them is for one thread, updates and `text` for any (the store's threads count,
// too).
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace ops {

class counter {
  public:
    void add(std::uint64_t more = 1) noexcept { value_.fetch_add(more, std::memory_order_relaxed); }
    std::uint64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

class gauge {
  public:
    void set(std::int64_t to) noexcept { value_.store(to, std::memory_order_relaxed); }
    void add(std::int64_t more) noexcept { value_.fetch_add(more, std::memory_order_relaxed); }
    std::int64_t value() const noexcept { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::int64_t> value_{0};
};

class histogram {
  public:
    /// `bounds`: inclusive upper bounds, ascending; the bucket above the last is added.
    explicit histogram(std::vector<double> bounds);
    void observe(double value) noexcept;

    const std::vector<double>& bounds() const noexcept { return bounds_; }
    /// Observations in bucket `index` alone; `bounds().size()` is the one without bound.
    std::uint64_t bucket(std::size_t index) const noexcept { return buckets_[index].load(std::memory_order_relaxed); }
    std::uint64_t count() const noexcept;
    double sum() const noexcept { return sum_.load(std::memory_order_relaxed); }

  private:
    std::vector<double> bounds_;
    std::vector<std::atomic<std::uint64_t>> buckets_;
    std::atomic<double> sum_{0};
};

/// Takes the numbers of one family while the metrics are read.
class samples {
  public:
    samples(std::string& out, std::string_view name, const std::vector<std::string>& label_names)
        : out_(out), name_(name), label_names_(label_names) {}
    /// One series; the label values in the order of the label names.
    void add(std::vector<std::string> label_values, double value);
    void add(double value) { add({}, value); }

  private:
    std::string& out_;
    std::string_view name_;
    const std::vector<std::string>& label_names_;
};

enum class metric_kind { counter, gauge };

/// Seconds, from 100 µs to 10 s: for everything a message waits for.
std::vector<double> latency_bounds();

/// One metric name; an instrument per combination of label values.
template <class Instrument> class family {
  public:
    family(std::vector<std::string> label_names, std::function<std::unique_ptr<Instrument>()> make)
        : label_names_(std::move(label_names)), make_(std::move(make)) {}

    /// The instrument of these label values, in the order of the label names; made at first use. Over `series_max`
    /// everything new shares one instrument whose label values are all "other", so that names chosen by clients
    /// cannot fill the memory.
    Instrument& with(std::vector<std::string> label_values = {}) {
        label_values.resize(label_names_.size());
        if (const auto found = series_.find(label_values); found != series_.end()) return *found->second;
        if (series_.size() >= series_max) label_values.assign(label_names_.size(), "other");
        auto& made = series_[std::move(label_values)];
        if (!made) made = make_();
        return *made;
    }

    static constexpr std::size_t series_max = 10'000;
    const std::vector<std::string>& label_names() const noexcept { return label_names_; }
    const std::map<std::vector<std::string>, std::unique_ptr<Instrument>>& series() const noexcept { return series_; }

  private:
    std::vector<std::string> label_names_;
    std::function<std::unique_ptr<Instrument>()> make_;
    std::map<std::vector<std::string>, std::unique_ptr<Instrument>> series_;
};

class metrics {
  public:
    metrics() = default;
    metrics(const metrics&) = delete;
    metrics& operator=(const metrics&) = delete;

    /// Names as Prometheus wants them: counters end in `_total`, times in `_seconds`. A name is declared once
    /// (asserted).
    family<counter>& counters(std::string name, std::string help, std::vector<std::string> labels = {});
    family<gauge>& gauges(std::string name, std::string help, std::vector<std::string> labels = {});
    family<histogram>& histograms(std::string name, std::string help, std::vector<double> bounds,
                                  std::vector<std::string> labels = {});
    /// A gauge whose value is asked for when the metrics are read, on the thread that reads them.
    void computed(std::string name, std::string help, std::function<double()> value);
    /// A family whose numbers live elsewhere (plain integers of the loop's thread, so that counting costs nothing) and
    /// are collected when the metrics are read, on the thread that reads them.
    void collected(metric_kind kind, std::string name, std::string help, std::vector<std::string> labels,
                   std::function<void(samples&)> collect);
    /// The same for one counter without labels.
    void counted(std::string name, std::string help, std::function<std::uint64_t()> value);

    /// The exposition, families in the order of their names.
    std::string text() const;

  private:
    struct declared {
        std::string help;
        std::string_view type;
        std::function<void(std::string& out, std::string_view name)> write;
    };
    void declare(std::string name, std::string help, std::string_view type,
                 std::function<void(std::string&, std::string_view)> write);

    std::map<std::string, declared> declared_;
    std::deque<family<counter>> counters_;
    std::deque<family<gauge>> gauges_;
    std::deque<family<histogram>> histograms_;
};

} // namespace ops
