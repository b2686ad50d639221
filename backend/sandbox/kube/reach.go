package kube

import (
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// reach says behind which pods a service is.
func reach(c *Cluster, namespace, name string) {
	s := Get[*corev1.Service](c, namespace, name)
	if s == nil {
		return
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		return
	}
	slice := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: namespace, Name: name + "-1", Labels: map[string]string{discoveryv1.LabelServiceName: name}, OwnerReferences: c.owner(s),
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	for _, p := range s.Spec.Ports {
		port, protocol := p.TargetPort.IntVal, p.Protocol
		if port == 0 {
			port = p.Port
		}
		slice.Ports = append(slice.Ports, discoveryv1.EndpointPort{Name: &p.Name, Port: &port, Protocol: &protocol})
	}
	for _, p := range c.selected(namespace, &metav1.LabelSelector{MatchLabels: s.Spec.Selector}) {
		if ready, node := Ready(p), p.Spec.NodeName; p.Status.PodIP != "" && p.DeletionTimestamp == nil {
			slice.Endpoints = append(slice.Endpoints, discoveryv1.Endpoint{
				Addresses: []string{p.Status.PodIP}, Conditions: discoveryv1.EndpointConditions{Ready: &ready}, NodeName: &node,
				TargetRef: &corev1.ObjectReference{Kind: "Pod", Namespace: namespace, Name: p.Name, UID: p.UID},
			})
		}
	}
	if Get[*discoveryv1.EndpointSlice](c, namespace, slice.Name) == nil {
		c.Put(slice)
		return
	}
	Change(c, namespace, slice.Name, func(e *discoveryv1.EndpointSlice) {
		before := meant(e.DeepCopy())
		e.Endpoints, e.Ports = slice.Endpoints, slice.Ports
		if !apiequality.Semantic.DeepEqual(before, meant(e)) {
			e.Generation++
		}
	})
}

// bind gives a claim its volume. One of the class local is on the disk of one machine,
// where the pod that claims it has to run from then on.
func bind(c *Cluster, namespace, name string) {
	claim := Get[*corev1.PersistentVolumeClaim](c, namespace, name)
	if claim == nil || claim.Status.Phase == corev1.ClaimBound {
		return
	}
	node := ""
	for _, p := range All[*corev1.Pod](c, namespace) {
		if slices.ContainsFunc(p.Spec.Volumes, func(v corev1.Volume) bool {
			return v.PersistentVolumeClaim != nil && v.PersistentVolumeClaim.ClaimName == name
		}) {
			node = p.Spec.NodeName
		}
	}
	local := claim.Spec.StorageClassName != nil && strings.HasPrefix(*claim.Spec.StorageClassName, "local")
	if local && node == "" {
		return // it waits for its first consumer
	}
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: claim.Spec.Resources.Requests, AccessModes: claim.Spec.AccessModes, PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			ClaimRef:               &corev1.ObjectReference{APIVersion: "v1", Kind: "PersistentVolumeClaim", Namespace: namespace, Name: name, UID: claim.UID},
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nfs.internal", Path: "/export/" + namespace + "/" + name}},
		},
		Status: corev1.PersistentVolumeStatus{Phase: corev1.VolumeBound},
	}
	if claim.Spec.StorageClassName != nil {
		pv.Spec.StorageClassName = *claim.Spec.StorageClassName
	}
	if local {
		pv.Labels = map[string]string{corev1.LabelHostname: node}
		pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{Local: &corev1.LocalVolumeSource{Path: "/var/lib/volumes/" + name}}
		pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{
			MatchExpressions: []corev1.NodeSelectorRequirement{{Key: corev1.LabelHostname, Operator: corev1.NodeSelectorOpIn, Values: []string{node}}},
		}}}}
	}
	c.Create(pv)
	Change(c, namespace, name, func(claim *corev1.PersistentVolumeClaim) {
		claim.Spec.VolumeName = pv.Name
		claim.Status.Phase, claim.Status.AccessModes, claim.Status.Capacity = corev1.ClaimBound, claim.Spec.AccessModes, claim.Spec.Resources.Requests
	})
}
