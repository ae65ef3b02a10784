// A value written in YAML, compiled: literals, `=expression` and texts with `${…}` in them, in maps and lists. Filled
// by appending JSON or text straight to the output; literal parts are JSON already. Immutable; evaluated by one thread.
#pragma once

#include "mapper/expression/compiler.hpp"
#include "mapper/expression/evaluator.hpp"

#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace mapper::mapping {

/// Where in the file something stands, so that a failure at run time leads back to the line.
struct source_place {
    std::string key_path;
    int line = 0;
    int column = 0;
};

struct template_member;

struct template_node {
    enum class form { literal, expression, text, object, list };
    struct piece {
        std::string literal;             ///< stands before the expression
        expression::program_ptr program; ///< empty in the last piece
        source_place place;
    };
    form what = form::literal;
    std::string literal;                  ///< JSON
    std::string literal_text;             ///< the same as plain text
    expression::program_ptr program;      ///< of `expression`
    std::vector<piece> pieces;            ///< of `text`
    std::vector<template_member> members; ///< of `object`
    std::vector<template_node> items;     ///< of `list`
    source_place place;

    bool exists() const noexcept { return what != form::literal || !literal.empty(); }
    const template_node* find(std::string_view name) const noexcept;
};

struct template_member {
    std::string name;
    template_node of;
};

/// What a template is filled with.
struct fill {
    expression::evaluator& in;
    std::span<const expression::value> slots;
    const source_place* failed_at = nullptr; ///< set when a call returned false
    std::string message;                     ///< then: why

    bool evaluate(const expression::program& program, const source_place& at, expression::value& into);
    bool fail(const source_place& at, std::string why);
};

/// Appends JSON. `made` false: the value is nothing, and nothing was appended. Returns false on failure.
bool append_json(const template_node& from, fill& with, std::string& out, bool& made);
/// Appends plain text; objects and lists are refused. `made` as above.
bool append_text(const template_node& from, fill& with, std::string& out, bool& made);
/// The value itself, for those who check before they write.
bool to_value(const template_node& from, fill& with, expression::value& into);

} // namespace mapper::mapping
