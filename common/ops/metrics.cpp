#include "common/ops/metrics.hpp"

#include "common/core/json_writer.hpp"

#include <algorithm>
#include <cassert>
#include <cmath>

namespace ops {

namespace {

void append_number(std::string& out, double value) {
    if (std::isfinite(value))
        core::append_json_number(out, value);
    else
        out += std::isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";
}

void append_escaped(std::string& out, std::string_view text, bool quoted) {
    for (const char c : text) {
        if (c == '\\')
            out += "\\\\";
        else if (c == '\n')
            out += "\\n";
        else if (c == '"' && quoted)
            out += "\\\"";
        else
            out.push_back(c);
    }
}

void append_label(std::string& out, bool& first, std::string_view name, std::string_view value) {
    out.push_back(first ? '{' : ',');
    first = false;
    out += name;
    out += "=\"";
    append_escaped(out, value, true);
    out.push_back('"');
}

/// `name{a="1",le="5"} `; `le` only when not empty.
void append_name(std::string& out, std::string_view name, std::string_view suffix,
                 const std::vector<std::string>& labels, const std::vector<std::string>& values,
                 std::string_view le = {}) {
    out += name;
    out += suffix;
    bool first = true;
    for (std::size_t i = 0; i < labels.size(); ++i) append_label(out, first, labels[i], values[i]);
    if (!le.empty()) append_label(out, first, "le", le);
    if (!first) out.push_back('}');
    out.push_back(' ');
}

template <class Family> void write_values(std::string& out, std::string_view name, const Family& of) {
    for (const auto& [values, instrument] : of.series()) {
        append_name(out, name, {}, of.label_names(), values);
        out += std::to_string(instrument->value());
        out.push_back('\n');
    }
}

void write_histogram(std::string& out, std::string_view name, const std::vector<std::string>& labels,
                     const std::vector<std::string>& values, const histogram& of) {
    std::uint64_t below = 0;
    for (std::size_t i = 0; i <= of.bounds().size(); ++i) {
        std::string bound;
        if (i < of.bounds().size())
            append_number(bound, of.bounds()[i]);
        else
            bound = "+Inf";
        below += of.bucket(i);
        append_name(out, name, "_bucket", labels, values, bound);
        out += std::to_string(below) + "\n";
    }
    append_name(out, name, "_sum", labels, values);
    append_number(out, of.sum());
    out.push_back('\n');
    append_name(out, name, "_count", labels, values);
    out += std::to_string(below) + "\n";
}

} // namespace

histogram::histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), buckets_(bounds_.size() + 1) {
    assert(std::is_sorted(bounds_.begin(), bounds_.end()));
}

void histogram::observe(double value) noexcept {
    const auto at = std::lower_bound(bounds_.begin(), bounds_.end(), value) - bounds_.begin();
    buckets_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
}

std::uint64_t histogram::count() const noexcept {
    std::uint64_t total = 0;
    for (const auto& each : buckets_) total += each.load(std::memory_order_relaxed);
    return total;
}

void samples::add(std::vector<std::string> label_values, double value) {
    label_values.resize(label_names_.size());
    append_name(out_, name_, {}, label_names_, label_values);
    append_number(out_, value);
    out_.push_back('\n');
}

std::vector<double> latency_bounds() {
    return {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
}

family<counter>& metrics::counters(std::string name, std::string help, std::vector<std::string> labels) {
    auto& made = counters_.emplace_back(std::move(labels), [] { return std::make_unique<counter>(); });
    declare(std::move(name), std::move(help), "counter",
            [&made](std::string& out, std::string_view named) { write_values(out, named, made); });
    return made;
}

family<gauge>& metrics::gauges(std::string name, std::string help, std::vector<std::string> labels) {
    auto& made = gauges_.emplace_back(std::move(labels), [] { return std::make_unique<gauge>(); });
    declare(std::move(name), std::move(help), "gauge",
            [&made](std::string& out, std::string_view named) { write_values(out, named, made); });
    return made;
}

family<histogram>& metrics::histograms(std::string name, std::string help, std::vector<double> bounds,
                                       std::vector<std::string> labels) {
    auto make = [bounds = std::move(bounds)] { return std::make_unique<histogram>(bounds); };
    auto& made = histograms_.emplace_back(std::move(labels), std::move(make));
    declare(std::move(name), std::move(help), "histogram", [&made](std::string& out, std::string_view named) {
        for (const auto& [values, each] : made.series()) write_histogram(out, named, made.label_names(), values, *each);
    });
    return made;
}

void metrics::computed(std::string name, std::string help, std::function<double()> value) {
    declare(std::move(name), std::move(help), "gauge",
            [value = std::move(value)](std::string& out, std::string_view named) {
                append_name(out, named, {}, {}, {});
                append_number(out, value());
                out.push_back('\n');
            });
}

void metrics::collected(metric_kind kind, std::string name, std::string help, std::vector<std::string> labels,
                        std::function<void(samples&)> collect) {
    declare(std::move(name), std::move(help), kind == metric_kind::counter ? "counter" : "gauge",
            [labels = std::move(labels), collect = std::move(collect)](std::string& out, std::string_view named) {
                samples into(out, named, labels);
                collect(into);
            });
}

void metrics::counted(std::string name, std::string help, std::function<std::uint64_t()> value) {
    collected(metric_kind::counter, std::move(name), std::move(help), {},
              [value = std::move(value)](samples& into) { into.add(static_cast<double>(value())); });
}

std::string metrics::text() const {
    std::string out;
    for (const auto& [name, family] : declared_) {
        out += "# HELP " + name + " ";
        append_escaped(out, family.help, false);
        out += "\n# TYPE " + name + " ";
        out += family.type;
        out.push_back('\n');
        family.write(out, name);
    }
    return out;
}

void metrics::declare(std::string name, std::string help, std::string_view type,
                      std::function<void(std::string&, std::string_view)> write) {
    [[maybe_unused]] const auto [at, fresh] =
        declared_.try_emplace(std::move(name), declared{std::move(help), type, std::move(write)});
    assert(fresh);
}

} // namespace ops
