// Measurements in collections (ref D.4): `begin`, `append` for each, then `create`. Bodies are concatenated, not built.
#pragma once

#include "common/platform/rest.hpp"

namespace mapper::api {

class measurement_collection {
  public:
    /// `body`: a JSON object without `source`.
    void append(std::string_view body, std::string_view source_id);
    std::size_t size() const noexcept { return size_; }
    /// 201 with an empty body; 422: an element is invalid, and none is known to be stored.
    platform::call create() &&;

  private:
    std::string body_ = "{\"measurements\":[";
    std::size_t size_ = 0;
};

} // namespace mapper::api
