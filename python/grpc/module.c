// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

#include "grpc.h"

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "swift_ray._grpc",
    .m_doc = "A gRPC server whose connections are served in Swift, without the interpreter's lock.",
    .m_size = -1,
};

PyMODINIT_FUNC PyInit__grpc(void) {
    if (ray_grpc_interface() != RAY_GRPC_INTERFACE) {
        return PyErr_Format(
            PyExc_ImportError, "libRayGRPC.so has interface %d and this extension %d: install one release of both",
            ray_grpc_interface(), RAY_GRPC_INTERFACE);
    }
    if (connect_runtime() < 0) return NULL;
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    if (add_call_type(module) < 0 || add_server_type(module) < 0 || add_outgoing_type(module) < 0 ||
        add_session_type(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
