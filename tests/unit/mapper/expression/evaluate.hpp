// Compiles and runs one expression over one JSON document, for tests.
#pragma once

#include "mapper/expression/compiler.hpp"
#include "mapper/expression/evaluator.hpp"
#include "mapper/payload/json.hpp"

#include <string>

struct evaluated {
    bool compiled = false;
    bool ok = false;
    std::string json;    ///< "nothing" for nothing
    std::string message; ///< of the refusal or failure
    std::uint32_t column = 0;
};

inline evaluated evaluate(std::string_view source, std::string_view document, mapper::expression::budget limits = {}) {
    using namespace mapper::expression;
    evaluated out;
    auto compiled = compile(source, scope{{}, true});
    if (auto* wrong = std::get_if<complaint>(&compiled)) {
        out.message = wrong->message;
        out.column = wrong->column;
        return out;
    }
    out.compiled = true;
    mapper::payload::json_decoder decoder;
    value input;
    if (!decoder.decode(document, input)) {
        out.message = decoder.error();
        return out;
    }
    evaluator in(limits);
    in.begin(1'767'225'600'000);
    value result;
    out.ok = in.run(*std::get<program_ptr>(compiled), {}, input, result);
    if (!out.ok) {
        out.message = in.why().message;
        out.column = in.why().column;
    } else if (!result.exists()) {
        out.json = "nothing";
    } else {
        append_json(out.json, result);
    }
    return out;
}

inline mapper::expression::complaint refusal(std::string_view source,
                                             std::vector<std::string> names = {"payload", "room", "time"}) {
    using namespace mapper::expression;
    const scope known{std::move(names), false};
    auto compiled = compile(source, known);
    if (auto* wrong = std::get_if<complaint>(&compiled)) return *wrong;
    return {0, "accepted"};
}
