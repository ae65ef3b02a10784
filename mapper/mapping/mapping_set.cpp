#include "mapper/mapping/mapping_set.hpp"

#include <algorithm>
#include <filesystem>

namespace mapper::mapping {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t files_max = 10'000; ///< mappings of one tenant

std::vector<fs::path> files_in(const fs::path& directory) {
    std::vector<fs::path> files;
    std::error_code ignored; // a directory that cannot be read is one without files
    for (fs::directory_iterator at(directory, ignored), end; !ignored && at != end; at.increment(ignored)) {
        const auto extension = at->path().extension();
        const auto name = at->path().filename().string();
        if ((extension == ".yaml" || extension == ".yml") && !name.starts_with('.')) files.push_back(at->path());
    }
    std::sort(files.begin(), files.end());
    return files;
}

} // namespace

mapping_set::mapping_set(std::vector<mapping_ptr> mappings) : mappings_(std::move(mappings)) {
    for (const auto& one : mappings_) {
        index_.add(*one);
        if (one->downlink) outbound_.push_back(one.get());
    }
}

const mapping* mapping_set::find(std::string_view name) const noexcept {
    for (const auto& one : mappings_)
        if (one->name == name) return one.get();
    return nullptr;
}

loaded_set load_tenant(const std::string& directory, const std::string& tenant) {
    loaded_set out;
    out.fingerprint = fingerprint_of(directory, tenant);
    std::vector<mapping_ptr> made;
    std::map<std::string, std::string> names;
    const auto files = files_in(fs::path(directory) / tenant);
    if (files.size() > files_max) {
        out.complaints.push_back({directory + "/" + tenant, 0, 0, "", "more than 10000 mapping files"});
        return out;
    }
    for (const auto& file : files) {
        auto one = load_mapping_file(file.string(), tenant);
        out.complaints.insert(out.complaints.end(), one.complaints.begin(), one.complaints.end());
        if (one.made == nullptr) continue;
        const auto [known, fresh] = names.emplace(one.made->name, file.string());
        if (!fresh)
            out.complaints.push_back(
                {file.string(), 1, 1, "mapping", "the name `" + one.made->name + "` is taken by " + known->second});
        made.push_back(std::move(one.made));
    }
    if (out.complaints.empty()) out.made = std::make_shared<const mapping_set>(std::move(made));
    return out;
}

std::uint64_t fingerprint_of(const std::string& directory, const std::string& tenant) {
    std::uint64_t hash = 14695981039346656037ULL;
    const auto mix = [&](std::uint64_t with) { hash = (hash ^ with) * 1099511628211ULL; };
    std::error_code gone; // a file that vanishes meanwhile changes the print, which is what we want
    for (const auto& file : files_in(fs::path(directory) / tenant)) {
        mix(std::hash<std::string>{}(file.string()));
        mix(static_cast<std::uint64_t>(fs::file_size(file, gone)));
        mix(static_cast<std::uint64_t>(fs::last_write_time(file, gone).time_since_epoch().count()));
    }
    return hash;
}

std::vector<std::string> tenants_in(const std::string& directory) {
    std::vector<std::string> out;
    std::error_code ignored; // as above
    for (fs::directory_iterator at(directory, ignored), end; !ignored && at != end; at.increment(ignored))
        if (at->is_directory()) out.push_back(at->path().filename().string());
    std::sort(out.begin(), out.end());
    return out;
}

} // namespace mapper::mapping
