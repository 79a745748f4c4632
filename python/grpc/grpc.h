// This source file is part of the swift-ray project.
// SPDX-License-Identifier: Apache-2.0

// What the files of `swift_ray._grpc` share.

#ifndef SWIFT_RAY_GRPC_H
#define SWIFT_RAY_GRPC_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "ray_grpc.h"

int add_call_type(PyObject *module);
int add_server_type(PyObject *module);
int add_outgoing_type(PyObject *module);
int add_session_type(PyObject *module);
// Has the runtime of this process answer for clients; -1 with an exception.
int connect_runtime(void);
// Makes a call's object, which gives the call back.
PyObject *make_call(void *call);
// The same for a call at another server.
PyObject *make_outgoing(void *outgoing);
// What such an object stands for; NULL with an exception if it is another kind of object.
void *native_outgoing(PyObject *outgoing);
void *native_session(PyObject *session);

#endif
