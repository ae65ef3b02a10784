#include "messaging/admin/listing.hpp"

#include "common/core/percent.hpp"

#include <algorithm>
#include <charconv>

namespace messaging::admin {

namespace {

std::string read_number(const net::http_request& request, std::string_view name, std::size_t most, std::size_t& into) {
    if (!request.has_parameter(name)) return {};
    const auto text = request.parameter(name);
    std::size_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec == std::errc::result_out_of_range) number = most + 1;
    if (read.ptr != text.data() + text.size() || text.empty() || number == 0)
        return "'" + std::string(name) + "' must be a number from 1";
    into = number;
    return {};
}

std::string read_sort(std::string_view text, std::span<const sort_column> columns, list_query& into) {
    if (text.empty()) return {};
    into.descending = text.starts_with('-');
    if (into.descending) text.remove_prefix(1);
    std::string known;
    for (const auto& one : columns) {
        if (one.name == text) {
            into.sort = one.id;
            return {};
        }
        known += (known.empty() ? "" : ", ") + std::string(one.name);
    }
    return "'sort' must be one of " + known + ", with - before it for the opposite order";
}

} // namespace

std::string read_list_query(const net::http_request& request, std::span<const sort_column> columns, list_query& into) {
    auto wrong = read_number(request, "currentPage", list_query::page_max, into.page);
    if (wrong.empty()) wrong = read_number(request, "pageSize", list_query::page_size_max, into.page_size);
    if (wrong.empty()) wrong = read_sort(request.parameter("sort"), columns, into);
    if (!wrong.empty()) return wrong;
    if (into.page > list_query::page_max) return "'currentPage' is too large";
    into.page_size = std::min(into.page_size, list_query::page_size_max);
    const auto unsafe = request.parameter("unsafe");
    if (!unsafe.empty() && unsafe != "true" && unsafe != "false") return "'unsafe' must be true or false";
    into.only_unsafe = unsafe == "true";
    into.name = request.parameter("name");
    into.name_space = request.parameter("namespace");
    return {};
}

bool matches_pattern(std::string_view pattern, std::string_view text) noexcept {
    std::size_t p = 0;
    std::size_t t = 0;
    std::size_t star = pattern.npos;
    std::size_t again = 0;
    while (t < text.size()) {
        if (p < pattern.size() && pattern[p] == '*') {
            star = p++;
            again = t;
        } else if (p < pattern.size() && pattern[p] == text[t]) {
            ++p;
            ++t;
        } else if (star != pattern.npos) {
            p = star + 1;
            t = ++again;
        } else {
            return false;
        }
    }
    while (p < pattern.size() && pattern[p] == '*') ++p;
    return p == pattern.size();
}

bool row_sorter::before(const row& a, const row& b) const noexcept {
    if (a.number != b.number) return descending_ ? a.number > b.number : a.number < b.number;
    if (a.name != b.name) return descending_ ? a.name > b.name : a.name < b.name;
    if (a.name_space != b.name_space) return a.name_space < b.name_space;
    return a.id < b.id;
}

bool row_sorter::later(std::size_t a, std::size_t b) const noexcept {
    return before(runs_[b].rows[runs_[b].at], runs_[a].rows[runs_[a].at]);
}

void row_sorter::add(row one) {
    open_.push_back(std::move(one));
    ++size_;
    if (open_.size() >= run_rows) seal();
}

void row_sorter::seal() {
    if (open_.empty()) return;
    std::sort(open_.begin(), open_.end(), [this](const row& a, const row& b) { return before(a, b); });
    runs_.emplace_back();
    runs_.back().rows = std::move(open_);
    open_.clear();
}

void row_sorter::finish() {
    seal();
    for (std::size_t i = 0; i < runs_.size(); ++i) heap_.push_back(i);
    std::make_heap(heap_.begin(), heap_.end(), [this](std::size_t a, std::size_t b) { return later(a, b); });
}

bool row_sorter::next(row& into) {
    if (heap_.empty()) return false;
    const auto worse = [this](std::size_t a, std::size_t b) { return later(a, b); };
    std::pop_heap(heap_.begin(), heap_.end(), worse);
    auto& from = runs_[heap_.back()];
    into = std::move(from.rows[from.at++]);
    if (from.at < from.rows.size())
        std::push_heap(heap_.begin(), heap_.end(), worse);
    else
        heap_.pop_back();
    return true;
}

void row_sorter::clear() {
    size_ = 0;
    open_.clear();
    runs_.clear();
    heap_.clear();
}

void append_paging(core::json_writer& out, const net::http_request& request, const list_query& query,
                   std::size_t total) {
    const auto pages = (total + query.page_size - 1) / query.page_size;
    out.key("statistics").object().member("currentPage", query.page).member("pageSize", query.page_size);
    out.member("totalPages", pages).member("totalElements", total).end();
    const auto target = std::string_view(request.target);
    out.member("self", target);
    if (query.page >= pages) return;
    std::string next(target.substr(0, target.find('?')));
    next += "?currentPage=" + std::to_string(query.page + 1);
    for (const auto& [name, value] : request.query)
        if (name != "currentPage") next += "&" + core::percent_encode(name) + "=" + core::percent_encode(value);
    out.member("next", next);
}

} // namespace messaging::admin
