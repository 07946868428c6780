"""What the API server refuses in the mesh's namespaces: ValidatingAdmissionPolicies, and the role of a tenant.

Every policy asks for the same thing: that nobody but the program changes who a pod is, whether it is in the mesh, and
what the mesh allows. The rules are the settings' own, said once more where others than the settings could break them.
"""
