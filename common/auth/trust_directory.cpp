#include "common/auth/trust_directory.hpp"

#include "common/core/config_node.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>

namespace auth {
namespace {

namespace fs = std::filesystem;

/// A tenant ID as a folder name: letters, digits, `-` and `_` as they are, all else %XX. So `..` stays inside.
std::string folder_name(std::string_view tenant) {
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string name;
    for (const unsigned char c : tenant) {
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (plain) {
            name.push_back(static_cast<char>(c));
            continue;
        }
        name.push_back('%');
        name.push_back(hex[c >> 4]);
        name.push_back(hex[c & 15]);
    }
    return name;
}

int digit(char c) noexcept {
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

std::optional<std::string> tenant_of_folder(std::string_view name) {
    std::string tenant;
    for (std::size_t i = 0; i < name.size(); ++i) {
        if (name[i] != '%') {
            tenant.push_back(name[i]);
            continue;
        }
        if (name.size() - i < 3 || digit(name[i + 1]) < 0 || digit(name[i + 2]) < 0) return std::nullopt;
        tenant.push_back(static_cast<char>(digit(name[i + 1]) * 16 + digit(name[i + 2])));
        i += 2;
    }
    if (tenant.empty() || folder_name(tenant) != name) return std::nullopt;
    return tenant;
}

std::optional<trust_anchor> read_anchor(const fs::path& file, std::string& complaints) {
    auto document = core::config_document::load(file.string(), {});
    auto root = document.root();
    std::string name;
    bool enabled = false; // a file that was damaged must not open a door
    bool auto_registration = false;
    root.read("name", name);
    root.read("enabled", enabled);
    root.read("auto_registration", auto_registration);
    auto pem = root.required("certificate");
    std::optional<trust_anchor> made;
    if (pem.exists()) {
        const auto found = certificate::from_pem(pem.text());
        if (!found || found->size() != 1)
            pem.complain("must be one certificate in PEM");
        else if (!found->front().is_authority())
            pem.complain("is not an authority (X.509 v3 with CA:TRUE)");
        else if (found->front().fingerprint() != file.stem().string())
            pem.complain("is not the one whose fingerprint the file is named for");
        else
            made = trust_anchor{name, found->front(), enabled, auto_registration, file.string(), {}, false};
    }
    root.finish();
    if (document.ok()) return made;
    complaints += document.complaint_text();
    return std::nullopt;
}

core::error_code last_error() { return {errno, boost::system::system_category()}; }

/// All of it or nothing, and there after a power cut.
core::error_code replace_file(const fs::path& file, const std::string& content) {
    const std::string temporary = file.string() + ".new";
    const int descriptor = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (descriptor < 0) return last_error();
    core::error_code error;
    std::string_view left = content;
    while (!left.empty() && !error) {
        const auto put = ::write(descriptor, left.data(), left.size());
        if (put < 0 && errno != EINTR) error = last_error();
        if (put > 0) left.remove_prefix(static_cast<std::size_t>(put));
    }
    if (!error && ::fsync(descriptor) != 0) error = last_error();
    if (::close(descriptor) != 0 && !error) error = last_error();
    if (!error && ::rename(temporary.c_str(), file.c_str()) != 0) error = last_error();
    if (error) {
        (void)::unlink(temporary.c_str()); // the first error is the one to tell
        return error;
    }
    const int folder = ::open(file.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) return last_error();
    if (::fsync(folder) != 0) error = last_error();
    (void)::close(folder); // nothing was written through it
    return error;
}

/// In double quotes, as YAML reads it back.
std::string yaml_text(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out.push_back('\\');
        out.push_back(c);
    }
    return out + "\"";
}

} // namespace

trust_directory::trust_directory(const std::string& tenants_file)
    : path_((fs::path(tenants_file).parent_path() / "trust").string()) {}

std::vector<tenant_anchor> trust_directory::load(std::string& complaints, std::vector<std::string>& looked_at) const {
    std::vector<tenant_anchor> all;
    looked_at.push_back(path_);
    std::error_code error;
    if (!fs::exists(path_, error)) return all;
    for (fs::directory_iterator folder(path_, error), end; !error && folder != end; folder.increment(error)) {
        std::error_code inner;
        if (!folder->is_directory(inner)) continue;
        const auto tenant = tenant_of_folder(folder->path().filename().string());
        if (!tenant) {
            complaints += folder->path().string() + ": error: not the folder of a tenant\n";
            continue;
        }
        looked_at.push_back(folder->path().string());
        for (fs::directory_iterator file(folder->path(), inner), last; !inner && file != last; file.increment(inner)) {
            if (file->path().extension() != ".yaml") continue;
            looked_at.push_back(file->path().string());
            if (auto anchor = read_anchor(file->path(), complaints))
                all.emplace_back(core::tenant_id(*tenant), std::move(*anchor));
        }
        if (inner) complaints += folder->path().string() + ": error: " + inner.message() + "\n";
    }
    if (error) complaints += path_ + ": error: " + error.message() + "\n";
    return all;
}

std::string trust_directory::file_of(const core::tenant_id& tenant, const trust_anchor& anchor) const {
    return (fs::path(path_) / folder_name(tenant.value) / (anchor.authority.fingerprint() + ".yaml")).string();
}

core::result<std::string> trust_directory::write(const core::tenant_id& tenant, const trust_anchor& anchor) const {
    const fs::path folder = fs::path(path_) / folder_name(tenant.value);
    std::error_code made;
    fs::create_directories(folder, made);
    if (made) return core::error_code(made.value(), boost::system::system_category());
    const fs::path file = file_of(tenant, anchor);
    std::ostringstream text;
    text << "# " << anchor.authority.subject() << "\n# Made by `mqtt-broker trust`, which also changes it.\n"
         << "name: " << yaml_text(anchor.name) << "\nenabled: " << (anchor.enabled ? "true" : "false")
         << "\nauto_registration: " << (anchor.auto_registration ? "true" : "false") << "\ncertificate: |\n";
    std::istringstream pem(anchor.authority.pem());
    for (std::string line; std::getline(pem, line);) text << "  " << line << "\n";
    if (const auto error = replace_file(file, text.str())) return error;
    // Who noticed the new folder before there was a file in it is called again.
    (void)::utimensat(AT_FDCWD, path_.c_str(), nullptr, 0);
    return file.string();
}

} // namespace auth
