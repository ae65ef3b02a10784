#include "broker/trust_command.hpp"

#include "common/auth/tenants_file.hpp"
#include "common/auth/trust_directory.hpp"
#include "common/core/clock.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <sstream>

namespace broker {
namespace {

constexpr int done = 0;
constexpr int refused = 1;
constexpr int asked_wrongly = 2;

constexpr const char* forms =
    "  mqtt-broker trust add     TENANT CERTIFICATE [--name NAME] [--auto-registration on|off]\n"
    "  mqtt-broker trust list    [TENANT]\n"
    "  mqtt-broker trust enable  TENANT NAME|FINGERPRINT|CERTIFICATE\n"
    "  mqtt-broker trust disable TENANT NAME|FINGERPRINT|CERTIFICATE\n"
    "each with --tenants FILE (default: tenants.yaml)\n";

constexpr const char* takes_effect = "A running broker takes this over by itself, or at once on SIGHUP.\n";

struct command {
    const trust_request& asked;
    std::ostream& out;
    std::ostream& err;
    std::shared_ptr<const auth::tenant_directory> known{};

    int refuse(const std::string& why) const {
        err << "mqtt-broker trust: " << why << "\n";
        return refused;
    }
};

std::string day(std::int64_t unix_s) { return core::iso_time(unix_s * 1000).substr(0, 10); }

bool load(command& c) {
    auto loaded = auth::load_tenants(c.asked.tenants_file);
    c.known = loaded.directory;
    if (c.known) return true;
    c.err << loaded.complaints;
    (void)c.refuse("nothing was changed; mend " + c.asked.tenants_file + " first, or name another with --tenants FILE");
    return false;
}

bool tenant_known(const command& c, const core::tenant_id& tenant) {
    if (c.known->tenants.contains(tenant)) return true;
    (void)c.refuse("the tenant " + tenant.value + " is not in " + c.asked.tenants_file +
                   "; write it there first, in the simplest case as `" + tenant.value + ": {}` below `tenants:`");
    return false;
}

/// PEM or DER.
core::result<std::vector<auth::certificate>> read_certificates(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream content;
    content << file.rdbuf();
    const std::string bytes = content.str();
    auto found = auth::certificate::from_pem(bytes);
    if (found) return found;
    auto one = auth::certificate::from_der(bytes);
    if (!one) return found.error();
    return std::vector<auth::certificate>{std::move(*one)};
}

/// What the platform would say to an upload (ref F.3); empty: nothing against it.
std::string objection(const command& c, const core::tenant_id& tenant, const auth::certificate& to) {
    if (!to.is_authority())
        return "is not a certificate authority: devices are signed by an X.509 v3 certificate with the extension "
               "basicConstraints CA:TRUE. Give the certificate that signs the devices' ones, not a device's or a "
               "server's";
    if (to.not_after_s() < c.asked.now_s) return "expired on " + day(to.not_after_s()) + "; renew it first";
    const auto owners = c.known->trust.owners(to.fingerprint());
    if (owners.empty()) return {};
    if (std::find(owners.begin(), owners.end(), tenant) != owners.end())
        return "is already a trust anchor of " + tenant.value + "; see `mqtt-broker trust list " + tenant.value + "`";
    return "is already a trust anchor of the tenant " + owners.front().value +
           ". An anchor belongs to one tenant, or nobody could tell whose device it is";
}

void show(const command& c, const core::tenant_id& tenant, const auth::trust_anchor& anchor) {
    c.out << fmt::format("  tenant             {}\n  name               {}\n  subject            {}\n"
                         "  fingerprint        {}\n  valid until        {}\n  enabled            {}\n"
                         "  auto registration  {}\n  file               {}\n",
                         tenant.value, anchor.name, anchor.authority.subject(), anchor.authority.fingerprint(),
                         day(anchor.authority.not_after_s()), anchor.enabled ? "yes" : "no",
                         anchor.auto_registration ? "on" : "off", anchor.origin);
}

int add(command& c) {
    const core::tenant_id tenant(c.asked.words[1]);
    const auto& path = c.asked.words[2];
    std::error_code error;
    if (!std::filesystem::is_regular_file(path, error)) return c.refuse("there is no file " + path);
    const auto read = read_certificates(path);
    if (!read) return c.refuse(path + " is no certificate in PEM or DER: " + read.error().message());
    if (read->size() != 1)
        return c.refuse(path + " holds " + std::to_string(read->size()) +
                        " certificates; give a file with the one that devices' chains lead to");
    if (!load(c) || !tenant_known(c, tenant)) return refused;
    const auto& authority = read->front();
    if (const auto why = objection(c, tenant, authority); !why.empty()) return c.refuse(path + " " + why);
    std::string name = c.asked.name;
    if (name.empty()) name = authority.common_name() ? *authority.common_name() : authority.fingerprint();
    for (const auto& other : c.known->trust.anchors(tenant))
        if (other.name == name)
            return c.refuse("the tenant has an anchor of the name " + name +
                            " already; choose another with --name NAME");
    for (const unsigned char one : name)
        if (one < ' ' || one == 0x7F)
            return c.refuse("a name must not hold control characters; choose one with --name");
    auth::trust_anchor anchor{name, authority, true, c.asked.auto_registration != "off", {}, {}};
    const auto written = auth::trust_directory(c.asked.tenants_file).write(tenant, anchor);
    if (!written)
        return c.refuse("cannot write below " + auth::trust_directory(c.asked.tenants_file).path() + ": " +
                        written.error().message());
    anchor.origin = *written;
    c.out << "added\n";
    show(c, tenant, anchor);
    if (authority.not_before_s() > c.asked.now_s)
        c.out << "It is valid from " << day(authority.not_before_s()) << " on; until then devices are refused.\n";
    if (!anchor.auto_registration)
        c.out << "Without auto registration no device gets in by it: the MQTT Service asks for it.\n";
    c.out << takes_effect;
    return done;
}

int list(command& c) {
    if (!load(c)) return refused;
    std::vector<core::tenant_id> tenants;
    if (c.asked.words.size() > 1) {
        tenants.emplace_back(c.asked.words[1]);
        if (!tenant_known(c, tenants.front())) return refused;
    } else {
        for (const auto& [tenant, entry] : c.known->tenants) tenants.push_back(tenant);
        std::sort(tenants.begin(), tenants.end());
    }
    std::size_t count = 0;
    for (const auto& tenant : tenants)
        for (const auto& anchor : c.known->trust.anchors(tenant)) {
            const auto until = anchor.authority.not_after_s();
            c.out << fmt::format("{} {} {} {} auto-registration-{} {} {} {}\n", tenant.value, anchor.name,
                                 anchor.fingerprint, anchor.enabled ? "enabled" : "disabled",
                                 anchor.auto_registration ? "on" : "off",
                                 until < c.asked.now_s ? "expired" : "valid-until", day(until), anchor.origin);
            ++count;
        }
    if (count == 0) c.out << "no trust anchors; `mqtt-broker trust add TENANT CERTIFICATE` adds one\n";
    return done;
}

/// The anchor somebody means by a name, a fingerprint, or the certificate itself; nothing after a complaint.
std::optional<auth::trust_anchor> find(const command& c, const core::tenant_id& tenant, const std::string& what) {
    std::string fingerprint = what;
    std::error_code error;
    if (std::filesystem::is_regular_file(what, error))
        if (const auto read = read_certificates(what); read && read->size() == 1)
            fingerprint = read->front().fingerprint();
    std::vector<const auth::trust_anchor*> found;
    for (const auto& anchor : c.known->trust.anchors(tenant))
        if (anchor.name == what || anchor.fingerprint == fingerprint) found.push_back(&anchor);
    if (found.size() == 1) return *found.front();
    (void)c.refuse(found.empty() ? "the tenant " + tenant.value + " has no anchor " + what +
                                       "; see `mqtt-broker trust list " + tenant.value + "`"
                                 : "several anchors are called " + what + "; give the fingerprint");
    return std::nullopt;
}

int set_enabled(command& c, bool enabled) {
    const core::tenant_id tenant(c.asked.words[1]);
    if (!load(c) || !tenant_known(c, tenant)) return refused;
    auto anchor = find(c, tenant, c.asked.words[2]);
    if (!anchor) return refused;
    const auth::trust_directory managed(c.asked.tenants_file);
    if (anchor->origin != managed.file_of(tenant, *anchor)) // a file below trust/ may be named in tenants.yaml, too
        return c.refuse("the anchor " + anchor->name + " (" + anchor->origin +
                        ") was not added by this command: write `enabled: " + (enabled ? "true" : "false") +
                        "` where it stands, most likely in " + c.asked.tenants_file);
    const bool same = anchor->enabled == enabled;
    anchor->enabled = enabled;
    if (!same)
        if (const auto written = managed.write(tenant, *anchor); !written)
            return c.refuse("cannot write " + anchor->origin + ": " + written.error().message());
    c.out << (same ? "was so already\n" : enabled ? "enabled\n" : "disabled\n");
    show(c, tenant, *anchor);
    if (!same && !enabled) c.out << "Devices that came in by it will be disconnected.\n";
    c.out << takes_effect;
    return done;
}

} // namespace

int run_trust_command(const trust_request& request, std::ostream& out, std::ostream& err) {
    command c{request, out, err};
    const auto verb = request.words.empty() ? std::string() : request.words.front();
    const auto count = request.words.size();
    const auto& automatic = request.auto_registration;
    if (automatic.empty() || automatic == "on" || automatic == "off") {
        if (verb == "add" && count == 3) return add(c);
        if (verb == "list" && count <= 2) return list(c);
        if ((verb == "enable" || verb == "disable") && count == 3) return set_enabled(c, verb == "enable");
    }
    err << "mqtt-broker trust: one of\n" << forms;
    return asked_wrongly;
}

} // namespace broker
