// YAML nodes to templates and conditions: which scalars are literals, expressions or texts with `${…}`, and where in
// the file a mistake in an expression stands. Load time only.
#pragma once

#include "common/core/config_node.hpp"
#include "mapper/mapping/template.hpp"

#include <string_view>

namespace mapper::mapping {

class template_reader {
  public:
    /// `source`: the file's text, to find the column of a mistake inside an expression.
    explicit template_reader(std::string_view source) noexcept : source_(source) {}

    template_node read(core::config_node node, const expression::scope& names);
    /// A scalar that must be an expression (`when`, `match`); true and false are fine too.
    expression::program_ptr read_condition(core::config_node node, const expression::scope& names);
    std::vector<core::complaint> take_complaints() { return std::move(complaints_); }

    static source_place place_of(const core::config_node& node);

  private:
    template_node read_scalar(const core::config_node& node, const expression::scope& names);
    template_node read_interpolated(const core::config_node& node, const std::string& text,
                                    const expression::scope& names);
    expression::program_ptr compile(const core::config_node& node, std::string_view code, std::size_t offset,
                                    const expression::scope& names);
    void complain_at(const core::config_node& node, std::size_t offset, std::string message);

    std::string_view source_;
    std::vector<core::complaint> complaints_;
};

} // namespace mapper::mapping
