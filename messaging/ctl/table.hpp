// Text tables for a terminal. Nothing that came over the network reaches the terminal as a control sequence.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace messaging::ctl {

/// Control characters, C1 included, and bytes that are not UTF-8 become `?`.
std::string printable(std::string_view text);
/// 1.5 KiB, 20 MiB.
std::string readable_bytes(double bytes);

struct column {
    std::string title;
    bool number = false; ///< to the right
};

/// Rows of as many cells as columns; cells are printable. Ends with a line feed. Widths count characters.
std::string format_table(const std::vector<column>& columns, const std::vector<std::vector<std::string>>& rows);

} // namespace messaging::ctl
