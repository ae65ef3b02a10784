// Pages of long lists: the query's paging, filter and order, and rows sorted without holding up the loop. A list is
// walked in slices; each slice sorts what it found, the page is merged from those. Values; loop only.
#pragma once

#include "common/core/json_writer.hpp"
#include "common/net/http.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace messaging::admin {

/// A column one can sort by. Rows of the same number stand in the order of their names.
struct sort_column {
    std::string_view name;
    int id = 0;
};

struct list_query {
    static constexpr std::size_t page_size_default = 100;
    static constexpr std::size_t page_size_max = 2000; ///< more is cut to it, as the platform does (ref D.1)
    static constexpr std::size_t page_max = 1'000'000;

    std::size_t page = 1;
    std::size_t page_size = page_size_default;
    int sort = 0; ///< id of the column; 0 is the name
    bool descending = false;
    bool only_unsafe = false;
    std::string name;       ///< pattern with `*`; empty: all
    std::string name_space; ///< empty: all

    std::size_t first() const noexcept { return (page - 1) * page_size; }
};

/// Parameters currentPage, pageSize, sort (`column` or `-column`), name, namespace, unsafe. Empty, or one sentence
/// about the first mistake.
std::string read_list_query(const net::http_request& request, std::span<const sort_column> columns, list_query& into);

/// `*` stands for any text, also none; everything else for itself. Linear in `text` times the number of stars.
bool matches_pattern(std::string_view pattern, std::string_view text) noexcept;

struct row {
    double number = 0; ///< of the column sorted by
    std::string name;
    std::string name_space;
    std::uint64_t id = 0;
};

/// Sorted runs of rows, merged on demand. Costs O(slice log slice) an `add` at most, O(log runs) a `next`.
class row_sorter {
  public:
    static constexpr std::size_t run_rows = 2'000;

    explicit row_sorter(bool descending) : descending_(descending) {}
    void add(row one);
    std::size_t size() const noexcept { return size_; }
    /// After the last `add`.
    void finish();
    /// The next row in order; false at the end.
    bool next(row& into);
    void clear();

  private:
    struct run {
        std::vector<row> rows;
        std::size_t at = 0;
    };
    bool before(const row& a, const row& b) const noexcept;
    bool later(std::size_t a, std::size_t b) const noexcept;
    void seal();

    bool descending_;
    std::size_t size_ = 0;
    std::vector<row> open_;
    std::vector<run> runs_;
    std::vector<std::size_t> heap_; ///< indexes of runs, the one with the next row first
};

/// Members `statistics`, `self` and, where there is more, `next` of the object that is open (ref D.1).
void append_paging(core::json_writer& out, const net::http_request& request, const list_query& query,
                   std::size_t total);

} // namespace messaging::admin
