#include "mapper/api/events.hpp"

#include "mapper/api/answer.hpp"

namespace mapper::api {

platform::call create_event(std::string_view body, std::string_view source_id) {
    platform::call made("POST", "/event/events", "event_create");
    made.content_type = "event";
    append_with_source(made.body, body, source_id);
    return made;
}

} // namespace mapper::api
