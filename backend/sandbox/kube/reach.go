package kube

import (
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
