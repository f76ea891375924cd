"""The shape of HL7 v2: which fields a segment has, which components a datatype has.

Written from HL7 v2.5.1 chapters 2, 2A, 3, 4, 6, 7, 9, 10 and 11, and read leniently: the UK sends
v2.3 to v2.5.1, and every later version only adds to the end. A ``*`` marks a field that repeats. A
field or component without a colon is text (``ST``); ``-`` is a place without a name.
"""

from __future__ import annotations

from typing import NamedTuple


class Field(NamedTuple):
    """One field of a segment or one component of a datatype."""

    name: str
    datatype: str
    repeats: bool


class Shape(NamedTuple):
    """The places of a segment or datatype; ``numbers`` finds one by its name or its number as text."""

    fields: tuple[Field, ...]
    numbers: dict[str, int]


TEXT = frozenset({"ST", "TX", "FT"})
"""Free text: a separator in it that the sender forgot to escape belongs to the text."""

AS_IT_STANDS = frozenset({"TX", "FT"})
"""Text whose spaces are part of it."""

SINGLE = frozenset(
    {
        *("MSH", "EVN", "PID", "PD1", "PV1", "PV2", "MRG", "MSA", "SCH", "TXA", "RF1", "ACC", "QRD", "QPD"),
        *("FHS", "BHS", "BTS", "FTS", "ZU1", "ZU3", "ZU4", "ZU5", "ZU6", "ZU7", "ZU8"),
    }
)
"""Segments that stand once in a message: the tree has them as they are, every other as a list."""

UNTYPED = Field("", "", True)
"""A field that no table names: always a list, its values text or numbered components."""

_CODED = (
    "identifier text name_of_coding_system alternate_identifier alternate_text"
    " name_of_alternate_coding_system coding_system_version_id alternate_coding_system_version_id"
    " original_text"
)
_PERSON = "family_name:FN given_name second_and_further_given_names suffix prefix degree"

_DATATYPES = f"""
AUI authorization_number date:DT source
CE {_CODED}
CNE {_CODED}
CWE {_CODED}
CF {_CODED}
CNN id_number family_name given_name second_and_further_given_names suffix prefix degree source_table
CP price price_type from_value to_value range_units range_type
CQ quantity:NM units:CE
CX id_number check_digit check_digit_scheme assigning_authority:HD identifier_type_code assigning_facility:HD effective_date:DT expiration_date:DT
DLD discharge_location effective_date:TS
DLN license_number issuing_authority expiration_date:DT
DR start:TS end:TS
ED source_application:HD type_of_data data_subtype encoding data
EI entity_identifier namespace_id universal_id universal_id_type
EIP placer_assigned_identifier:EI filler_assigned_identifier:EI
ELD segment_id segment_sequence field_position code_identifying_error:CE
ERL segment_id segment_sequence field_position field_repetition component_number subcomponent_number
FC financial_class_code effective_date:TS
FN surname own_surname_prefix own_surname surname_prefix_from_partner surname_from_partner
HD namespace_id universal_id universal_id_type
JCC job_code job_class job_description
LA2 point_of_care room bed facility:HD location_status patient_location_type building floor street_address other_designation city state zip_code country
MOC monetary_amount charge_code:CE
MSG message_code trigger_event message_structure
NDL name:CNN start_date_time:TS end_date_time:TS point_of_care room bed facility:HD location_status patient_location_type building floor
PL point_of_care room bed facility:HD location_status person_location_type building floor location_description
PLN id_number type_of_id state_other_qualifying_information expiration_date:DT
PPN id_number {_PERSON} source_table assigning_authority:HD name_type_code - - identifier_type_code assigning_facility:HD date_time_action_performed:TS
PRL parent_observation_identifier:CE parent_observation_sub_identifier parent_observation_value_descriptor
PT processing_id processing_mode
RP pointer application_id:HD type_of_data subtype
RPT repeat_pattern:CWE calendar_alignment phase_range_begin_value phase_range_end_value period_quantity period_units
SAD street_or_mailing_address street_name dwelling_number
SN comparator num1 separator num2
SPS specimen_source_name:CWE additives:CWE specimen_collection_method body_site:CWE site_modifier:CWE collection_method_modifier_code:CWE specimen_role:CWE
TQ quantity:CQ interval duration start_date_time:TS end_date_time:TS priority condition text conjunction
VID version_id internationalization_code:CE international_version_id:CE
XAD street_address:SAD other_designation city state_or_province zip_or_postal_code country address_type other_geographic_designation county_parish_code census_tract address_representation_code address_validity_range:DR effective_date:TS expiration_date:TS
XCN id_number {_PERSON} source_table assigning_authority:HD name_type_code identifier_check_digit check_digit_scheme identifier_type_code assigning_facility:HD name_representation_code name_context:CE name_validity_range:DR name_assembly_order effective_date:TS expiration_date:TS professional_suffix
XON organization_name organization_name_type_code id_number check_digit check_digit_scheme assigning_authority:HD identifier_type_code assigning_facility:HD name_representation_code organization_identifier
XPN {_PERSON} name_type_code name_representation_code name_context:CE name_validity_range:DR name_assembly_order effective_date:TS expiration_date:TS professional_suffix
XTN telephone_number telecommunication_use_code telecommunication_equipment_type email_address country_code area_city_code local_number extension any_text extension_prefix speed_dial_code unformatted_telephone_number
"""  # noqa: E501 - one datatype, one line

_TIMING = "start_date_time:TS start_date_time_offset:NM start_date_time_offset_units:CE duration:NM duration_units:CE allow_substitution_code:IS filler_status_code:CE"  # noqa: E501

_SEGMENTS = f"""
MSH field_separator encoding_characters sending_application:HD sending_facility:HD receiving_application:HD receiving_facility:HD date_time_of_message:TS security message_type:MSG message_control_id processing_id:PT version_id:VID sequence_number:NM continuation_pointer accept_acknowledgement_type:ID application_acknowledgement_type:ID country_code:ID character_set:ID* principal_language_of_message:CE alternate_character_set_handling_scheme:ID message_profile_identifier:EI*
EVN event_type_code:ID recorded_date_time:TS date_time_planned_event:TS event_reason_code:IS operator_id:XCN* event_occurred:TS event_facility:HD
PID set_id:SI patient_id:CX patient_identifier_list:CX* alternate_patient_id:CX* patient_name:XPN* mothers_maiden_name:XPN* date_of_birth:TS administrative_sex:IS patient_alias:XPN* race:CE* patient_address:XAD* county_code:IS phone_number_home:XTN* phone_number_business:XTN* primary_language:CE marital_status:CE religion:CE patient_account_number:CX ssn_number drivers_license_number:DLN mothers_identifier:CX* ethnic_group:CE* birth_place multiple_birth_indicator:ID birth_order:NM citizenship:CE* veterans_military_status:CE nationality:CE patient_death_date_and_time:TS patient_death_indicator:ID identity_unknown_indicator:ID identity_reliability_code:IS* last_update_date_time:TS last_update_facility:HD species_code:CE breed_code:CE strain production_class_code:CE tribal_citizenship:CWE*
PD1 living_dependency:IS* living_arrangement:IS patient_primary_facility:XON* patient_primary_care_provider:XCN* student_indicator:IS handicap:IS living_will_code:IS organ_donor_code:IS separate_bill:ID duplicate_patient:CX* publicity_code:CE protection_indicator:ID protection_indicator_effective_date:DT place_of_worship:XON* advance_directive_code:CE* immunization_registry_status:IS immunization_registry_status_effective_date:DT publicity_code_effective_date:DT military_branch:IS military_rank:IS military_status:IS
NK1 set_id:SI name:XPN* relationship:CE address:XAD* phone_number:XTN* business_phone_number:XTN* contact_role:CE start_date:DT end_date:DT job_title job_code:JCC employee_number:CX organization_name:XON* marital_status:CE administrative_sex:IS date_of_birth:TS living_dependency:IS* ambulatory_status:IS* citizenship:CE* primary_language:CE living_arrangement:IS publicity_code:CE protection_indicator:ID student_indicator:IS religion:CE mothers_maiden_name:XPN* nationality:CE ethnic_group:CE* contact_reason:CE* contact_persons_name:XPN* contact_persons_telephone_number:XTN* contact_persons_address:XAD* next_of_kin_identifiers:CX* job_status:IS race:CE* handicap:IS contact_person_ssn birth_place vip_indicator:IS
PV1 set_id:SI patient_class:IS assigned_patient_location:PL admission_type:IS preadmit_number:CX prior_patient_location:PL attending_doctor:XCN* referring_doctor:XCN* consulting_doctor:XCN* hospital_service:IS temporary_location:PL preadmit_test_indicator:IS readmission_indicator:IS admit_source:IS ambulatory_status:IS* vip_indicator:IS admitting_doctor:XCN* patient_type:IS visit_number:CX financial_class:FC* charge_price_indicator:IS courtesy_code:IS credit_rating:IS contract_code:IS* contract_effective_date:DT* contract_amount:NM* contract_period:NM* interest_code:IS transfer_to_bad_debt_code:IS transfer_to_bad_debt_date:DT bad_debt_agency_code:IS bad_debt_transfer_amount:NM bad_debt_recovery_amount:NM delete_account_indicator:IS delete_account_date:DT discharge_disposition:IS discharged_to_location:DLD diet_type:CE servicing_facility:IS bed_status:IS account_status:IS pending_location:PL prior_temporary_location:PL admit_date_time:TS discharge_date_time:TS* current_patient_balance:NM total_charges:NM total_adjustments:NM total_payments:NM alternate_visit_id:CX visit_indicator:IS other_healthcare_provider:XCN*
PV2 prior_pending_location:PL accommodation_code:CE admit_reason:CE transfer_reason:CE patient_valuables* patient_valuables_location visit_user_code:IS* expected_admit_date_time:TS expected_discharge_date_time:TS estimated_length_of_inpatient_stay:NM actual_length_of_inpatient_stay:NM visit_description referral_source_code:XCN* previous_service_date:DT employment_illness_related_indicator:ID purge_status_code:IS purge_status_date:DT special_program_code:IS retention_indicator:ID expected_number_of_insurance_plans:NM visit_publicity_code:IS visit_protection_indicator:ID clinic_organization_name:XON* patient_status_code:IS visit_priority_code:IS previous_treatment_date:DT expected_discharge_disposition:IS signature_on_file_date:DT first_similar_illness_date:DT patient_charge_adjustment_code:CE recurring_service_code:IS billing_media_code:ID expected_surgery_date_and_time:TS military_partnership_code:ID military_non_availability_code:ID newborn_baby_indicator:ID baby_detained_indicator:ID mode_of_arrival_code:CE recreational_drug_use_code:CE* admission_level_of_care_code:CE precaution_code:CE* patient_condition_code:CE living_will_code:IS organ_donor_code:IS advance_directive_code:CE* patient_status_effective_date:DT expected_loa_return_date_time:TS expected_preadmission_testing_date_time:TS* notify_clergy_code:IS*
AL1 set_id:SI allergen_type_code:CE allergen_code:CE allergy_severity_code:CE allergy_reaction_code* identification_date:DT
DG1 set_id:SI diagnosis_coding_method:ID diagnosis_code:CE diagnosis_description diagnosis_date_time:TS diagnosis_type:IS major_diagnostic_category:CE diagnostic_related_group:CE drg_approval_indicator:ID drg_grouper_review_code:IS outlier_type:CE outlier_days:NM outlier_cost:CP grouper_version_and_type diagnosis_priority:ID diagnosing_clinician:XCN* diagnosis_classification:IS confidential_indicator:ID attestation_date_time:TS diagnosis_identifier:EI diagnosis_action_code:ID
PR1 set_id:SI procedure_coding_method:IS procedure_code:CE procedure_description procedure_date_time:TS procedure_functional_type:IS procedure_minutes:NM anesthesiologist:XCN* anesthesia_code:IS anesthesia_minutes:NM surgeon:XCN* procedure_practitioner:XCN* consent_code:CE procedure_priority:ID associated_diagnosis_code:CE procedure_code_modifier:CE* procedure_drg_type:IS tissue_type_code:CE* procedure_identifier:EI procedure_action_code:ID
OBR set_id:SI placer_order_number:EI filler_order_number:EI universal_service_identifier:CE priority:ID requested_date_time:TS observation_date_time:TS observation_end_date_time:TS collection_volume:CQ collector_identifier:XCN* specimen_action_code:ID danger_code:CE relevant_clinical_information specimen_received_date_time:TS specimen_source:SPS ordering_provider:XCN* order_callback_phone_number:XTN* placer_field_1 placer_field_2 filler_field_1 filler_field_2 results_report_status_change_date_time:TS charge_to_practice:MOC diagnostic_service_section_id:ID result_status:ID parent_result:PRL quantity_timing:TQ* result_copies_to:XCN* parent:EIP transportation_mode:ID reason_for_study:CE* principal_result_interpreter:NDL assistant_result_interpreter:NDL* technician:NDL* transcriptionist:NDL* scheduled_date_time:TS number_of_sample_containers:NM transport_logistics_of_collected_sample:CE* collectors_comment:CE* transport_arrangement_responsibility:CE transport_arranged:ID escort_required:ID planned_patient_transport_comment:CE* procedure_code:CE procedure_code_modifier:CE* placer_supplemental_service_information:CE* filler_supplemental_service_information:CE* medically_necessary_duplicate_procedure_reason:CWE result_handling:CWE parent_universal_service_identifier:CWE
OBX set_id:SI value_type:ID observation_identifier:CE observation_sub_id observation_value:?* units:CE references_range abnormal_flags:IS* probability:NM nature_of_abnormal_test:ID* observation_result_status:ID effective_date_of_reference_range:TS user_defined_access_checks date_time_of_the_observation:TS producers_id:CE responsible_observer:XCN* observation_method:CE* equipment_instance_identifier:EI* date_time_of_the_analysis:TS - - - performing_organization_name:XON performing_organization_address:XAD performing_organization_medical_director:XCN
ORC order_control:ID placer_order_number:EI filler_order_number:EI placer_group_number:EI order_status:ID response_flag:ID quantity_timing:TQ* parent:EIP date_time_of_transaction:TS entered_by:XCN* verified_by:XCN* ordering_provider:XCN* enterers_location:PL call_back_phone_number:XTN* order_effective_date_time:TS order_control_code_reason:CE entering_organization:CE entering_device:CE action_by:XCN* advanced_beneficiary_notice_code:CE ordering_facility_name:XON* ordering_facility_address:XAD* ordering_facility_phone_number:XTN* ordering_provider_address:XAD* order_status_modifier:CWE advanced_beneficiary_notice_override_reason:CWE fillers_expected_availability_date_time:TS confidentiality_code:CWE order_type:CWE enterer_authorization_mode:CNE
NTE set_id:SI source_of_comment:ID comment:FT* comment_type:CE
SPM set_id:SI specimen_id:EIP specimen_parent_ids:EIP* specimen_type:CWE specimen_type_modifier:CWE* specimen_additives:CWE* specimen_collection_method:CWE specimen_source_site:CWE specimen_source_site_modifier:CWE* specimen_collection_site:CWE specimen_role:CWE* specimen_collection_amount:CQ grouped_specimen_count:NM specimen_description* specimen_handling_code:CWE* specimen_risk_code:CWE* specimen_collection_date_time:DR specimen_received_date_time:TS specimen_expiration_date_time:TS specimen_availability:ID specimen_reject_reason:CWE* specimen_quality:CWE specimen_appropriateness:CWE specimen_condition:CWE* specimen_current_quantity:CQ number_of_specimen_containers:NM container_type:CWE container_condition:CWE specimen_child_role:CWE
TQ1 set_id:SI quantity:CQ repeat_pattern:RPT* explicit_time:TM* relative_time_and_units:CQ* service_duration:CQ start_date_time:TS end_date_time:TS priority:CWE* condition_text:TX text_instruction:TX conjunction:ID occurrence_duration:CQ total_occurrences:NM
MRG prior_patient_identifier_list:CX* prior_alternate_patient_id:CX* prior_patient_account_number:CX prior_patient_id:CX prior_visit_number:CX prior_alternate_visit_id:CX prior_patient_name:XPN*
MSA acknowledgement_code:ID message_control_id text_message expected_sequence_number:NM delayed_acknowledgement_type:ID error_condition:CE
ERR error_code_and_location:ELD* error_location:ERL* hl7_error_code:CWE severity:ID application_error_code:CWE application_error_parameter* diagnostic_information:TX user_message:TX inform_person_indicator:IS* override_type:CWE override_reason_code:CWE* help_desk_contact_point:XTN*
TXA set_id:SI document_type:IS document_content_presentation:ID activity_date_time:TS primary_activity_provider:XCN* origination_date_time:TS transcription_date_time:TS edit_date_time:TS* originator:XCN* assigned_document_authenticator:XCN* transcriptionist:XCN* unique_document_number:EI parent_document_number:EI placer_order_number:EI* filler_order_number:EI unique_document_file_name document_completion_status:ID document_confidentiality_status:ID document_availability_status:ID document_storage_status:ID document_change_reason authentication_person_time_stamp:PPN* distributed_copies:XCN*
SCH placer_appointment_id:EI filler_appointment_id:EI occurrence_number:NM placer_group_number:EI schedule_id:CE event_reason:CE appointment_reason:CE appointment_type:CE appointment_duration:NM appointment_duration_units:CE appointment_timing_quantity:TQ* placer_contact_person:XCN* placer_contact_phone_number:XTN placer_contact_address:XAD* placer_contact_location:PL filler_contact_person:XCN* filler_contact_phone_number:XTN filler_contact_address:XAD* filler_contact_location:PL entered_by_person:XCN* entered_by_phone_number:XTN* entered_by_location:PL parent_placer_appointment_id:EI parent_filler_appointment_id:EI filler_status_code:CE placer_order_number:EI* filler_order_number:EI*
RGS set_id:SI segment_action_code:ID resource_group_id:CE
AIS set_id:SI segment_action_code:ID universal_service_identifier:CE {_TIMING} placer_supplemental_service_information:CE* filler_supplemental_service_information:CE*
AIG set_id:SI segment_action_code:ID resource_id:CE resource_type:CE resource_group:CE* resource_quantity:NM resource_quantity_units:CE {_TIMING}
AIL set_id:SI segment_action_code:ID location_resource_id:PL* location_type:CE location_group:CE {_TIMING}
AIP set_id:SI segment_action_code:ID personnel_resource_id:XCN* resource_type:CE resource_group:CE {_TIMING}
RF1 referral_status:CE referral_priority:CE referral_type:CE referral_disposition:CE* referral_category:CE originating_referral_identifier:EI effective_date:TS expiration_date:TS process_date:TS referral_reason:CE* external_referral_identifier:EI*
PRD provider_role:CE* provider_name:XPN* provider_address:XAD* provider_location:PL provider_communication_information:XTN* preferred_method_of_contact:CE provider_identifiers:PLN* effective_start_date_of_provider_role:TS effective_end_date_of_provider_role:TS provider_organization:XON* provider_organization_address:XAD* provider_organization_location:PL* provider_organization_communication_information:XTN*
CTD contact_role:CE* contact_name:XPN* contact_address:XAD* contact_location:PL contact_communication_information:XTN* preferred_method_of_contact:CE contact_identifiers:PLN*
RXA give_sub_id_counter:NM administration_sub_id_counter:NM date_time_start_of_administration:TS date_time_end_of_administration:TS administered_code:CE administered_amount:NM administered_units:CE administered_dosage_form:CE administration_notes:CE* administering_provider:XCN* administered_at_location:LA2 administered_per administered_strength:NM administered_strength_units:CE substance_lot_number* substance_expiration_date:TS* substance_manufacturer_name:CE* substance_treatment_refusal_reason:CE* indication:CE* completion_status:ID action_code:ID system_entry_date_time:TS
RXR route:CE administration_site:CWE administration_device:CE administration_method:CWE routing_instruction:CE
ROL role_instance_id:EI action_code:ID role:CE role_person:XCN* role_begin_date_time:TS role_end_date_time:TS role_duration:CE role_action_reason:CE provider_type:CE* organization_unit_type:CE office_home_address:XAD* phone:XTN*
DB1 set_id:SI disabled_person_code:IS disabled_person_identifier:CX* disability_indicator:ID disability_start_date:DT disability_end_date:DT disability_return_to_work_date:DT disability_unable_to_work_date:DT
GT1 set_id:SI guarantor_number:CX* guarantor_name:XPN* guarantor_spouse_name:XPN* guarantor_address:XAD* guarantor_phone_number_home:XTN* guarantor_phone_number_business:XTN* guarantor_date_of_birth:TS guarantor_administrative_sex:IS guarantor_type:IS guarantor_relationship:CE
IN1 set_id:SI insurance_plan_id:CE insurance_company_id:CX* insurance_company_name:XON* insurance_company_address:XAD* insurance_company_contact_person:XPN* insurance_company_phone_number:XTN* group_number group_name:XON* insureds_group_employer_id:CX* insureds_group_employer_name:XON* plan_effective_date:DT plan_expiration_date:DT authorization_information:AUI plan_type:IS name_of_insured:XPN* insureds_relationship_to_patient:CE insureds_date_of_birth:TS insureds_address:XAD*
ZU1 - - - - - - - - - - - - - - - - - - - - - - - - -
ZU3 - - - - - - - - - - - - - - - - - - - -
ZU4 - - - - - - - - - -
ZU5 - - - - - - - - - -
ZU6 - - - - - - - - - -
ZU7 - - - - - - - - - -
ZU8 - consent_to_share:ID summary_care_record:ID location_hiding:ID
"""  # noqa: E501 - one segment, one line


def _read(table: str) -> dict[str, Shape]:
    shapes: dict[str, Shape] = {}
    for line in table.strip().splitlines():
        name, *places = line.split()
        fields = tuple(_place(text) for text in places)
        numbers = {str(number): number for number in range(1, len(fields) + 1)}
        numbers.update({field.name: number for number, field in enumerate(fields, 1) if field.name})
        shapes[name] = Shape(fields, numbers)
    return shapes


def _place(text: str) -> Field:
    name, _, datatype = text.rstrip("*").partition(":")
    return Field("" if name == "-" else name, datatype or "ST", text.endswith("*"))


DATATYPES: dict[str, Shape] = _read(_DATATYPES)
"""Composite datatypes by name; a datatype that is not here has one value."""

SEGMENTS: dict[str, Shape] = _read(_SEGMENTS)
"""Segments by name."""

NO_SHAPE = Shape((), {})
"""Of what no table describes: places by number only."""
