// Reading what the platform answered: a few members of a JSON body, copied. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace mapper::api {

/// A text or number at a JSON pointer (RFC 6901, `/managedObject/id`); empty when there is none.
std::string text_at(std::string_view json, std::string_view pointer);
/// The items of the list `name`, each as JSON text.
std::vector<std::string> items_of(std::string_view json, std::string_view name);
/// `{"source":{"id":"<id>"},` and the members of `body`, a JSON object.
void append_with_source(std::string& out, std::string_view body, std::string_view source_id);

} // namespace mapper::api
