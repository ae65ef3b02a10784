#include "mapper/api/alarms.hpp"

#include "common/core/percent.hpp"
#include "mapper/api/answer.hpp"

namespace mapper::api {

platform::call create_alarm(std::string_view body, std::string_view source_id) {
    platform::call made("POST", "/alarm/alarms", "alarm_create");
    made.content_type = "alarm";
    append_with_source(made.body, body, source_id);
    return made;
}

platform::call find_alarms(std::string_view source_id, std::string_view type) {
    platform::call made("GET",
                        "/alarm/alarms?source=" + core::percent_encode(source_id) +
                            "&type=" + core::percent_encode(type) + "&status=ACTIVE,ACKNOWLEDGED&pageSize=100",
                        "alarm_find");
    made.accept = "alarmCollection";
    return made;
}

platform::call clear_alarm(std::string_view id) {
    platform::call made("PUT", "/alarm/alarms/" + core::percent_encode(id), "alarm_clear");
    made.content_type = "alarm";
    made.body = R"({"status":"CLEARED"})";
    return made;
}

std::vector<std::string> alarm_ids(std::string_view body) {
    std::vector<std::string> made;
    for (const auto& item : items_of(body, "alarms")) made.push_back(text_at(item, "/id"));
    return made;
}

} // namespace mapper::api
